//! One client for each bucket, by what the environment says, and threads of their own that wait for the network.
//!
//! Whoever reads waits on a thread of the engine, as for a disk; nothing that computes runs on the threads here.

use std::collections::HashMap;
use std::future::Future;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey as Key};
use object_store::{BackoffConfig, ClientConfigKey, RetryConfig};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{JoinError, JoinHandle};
use url::{Host, Url};

use super::Location;
use super::fault::failure;
use crate::error::{Error, Result};

/// Threads that wait for the network.
const THREADS: usize = 2;

/// How often a request is repeated that failed for a reason which may pass, and for how long: some seconds.
const MAX_RETRIES: usize = 10;
const RETRY_TIME: Duration = Duration::from_secs(60);

/// How long one request may take, for eight MiB at most.
const REQUEST_TIME: &str = "120 seconds";

/// The threads, and the clients by bucket.
struct Clients {
    threads: Runtime,
    stores: HashMap<String, Arc<AmazonS3>>,
}

static CLIENTS: Mutex<Option<Clients>> = Mutex::new(None);

/// The client for a location's bucket.
///
/// **Errors**: [`Error::Request`] for an environment that says too little, or what cannot be.
pub(super) fn of(location: &Location) -> Result<Arc<AmazonS3>> {
    with_clients(|clients| {
        if let Some(store) = clients.stores.get(location.bucket()) {
            return Ok(Arc::clone(store));
        }
        let store = Arc::new(connect(location)?);
        clients.stores.insert(location.bucket().to_owned(), Arc::clone(&store));
        Ok(store)
    })
}

fn with_clients<T>(act: impl FnOnce(&mut Clients) -> Result<T>) -> Result<T> {
    let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    let clients = match &mut *clients {
        Some(clients) => clients,
        none => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(THREADS).thread_name("tidemill-store").enable_all();
            let threads = builder.build().map_err(|error| Error::machine("cannot start threads").with_source(error))?;
            none.insert(Clients { threads, stores: HashMap::new() })
        }
    };
    act(clients)
}

fn threads() -> Result<Handle> {
    with_clients(|clients| Ok(clients.threads.handle().clone()))
}

/// Work on the threads here, which ends when this is dropped.
pub(super) struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Begins `work`.
///
/// **Errors**: [`Error::Machine`], if there are no threads.
pub(super) fn start<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<Task<T>> {
    Ok(Task(threads()?.spawn(work)))
}

/// Does `work` on the threads here, without one of the caller's; dropped, it ends.
///
/// **Errors**: those of `work`; [`Error::Machine`], if there are no threads.
pub async fn aside<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    let mut task = start(work)?;
    done((&mut task.0).await)
}

/// The same, but that `work` goes on when this is dropped: it is short, and must not be left half done.
pub(super) async fn to_the_end<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    done(threads()?.spawn(work).await)
}

fn done<T>(outcome: std::result::Result<Result<T>, JoinError>) -> Result<T> {
    match outcome {
        Ok(done) => done,
        Err(failure) if failure.is_panic() => std::panic::resume_unwind(failure.into_panic()),
        Err(_) => Err(Error::Stopped),
    }
}

/// Does `work` on the threads here and waits for it, for `patience` at most.
///
/// **Errors**: those of `work`; [`Error::Machine`], if there are no threads or no patience is left.
pub fn wait<T: Send + 'static>(
    patience: Duration,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let (sender, receiver) = sync_channel(1);
    // Nobody is left to be told if there is no receiver.
    let _task = start(async move { sender.send(work.await).unwrap_or_default() })?;
    receiver.recv_timeout(patience).unwrap_or_else(|_| Err(Error::machine("the store did not answer in time")))
}

fn connect(location: &Location) -> Result<AmazonS3> {
    let backoff = BackoffConfig { init_backoff: Duration::from_millis(100), ..BackoffConfig::default() };
    let retry = RetryConfig { backoff, max_retries: MAX_RETRIES, retry_timeout: RETRY_TIME };
    let builder = AmazonS3Builder::from_env().with_bucket_name(location.bucket()).with_retry(retry);
    let mut builder = builder.with_config(Key::Client(ClientConfigKey::Timeout), REQUEST_TIME);
    let endpoint = builder.get_config_value(&Key::S3Endpoint).or(builder.get_config_value(&Key::Endpoint));
    if let Some(endpoint) = endpoint {
        check_credentials(&builder, location)?;
        if is_plain_and_here(&endpoint, &builder)? {
            builder = builder.with_allow_http(true);
        }
    }
    builder.build().map_err(|error| failure(error, "use", location, Error::request))
}

/// Where there is an endpoint of another than AWS, no machine of AWS is asked for credentials.
fn check_credentials(builder: &AmazonS3Builder, location: &Location) -> Result<()> {
    let ways = [Key::AccessKeyId, Key::SecretAccessKey, Key::WebIdentityTokenFile, Key::ContainerCredentialsFullUri];
    let has_some = ways.iter().any(|key| builder.get_config_value(key).is_some());
    if has_some || builder.get_config_value(&Key::SkipSignature).as_deref() == Some("true") {
        return Ok(());
    }
    Err(Error::request(format!("there are no credentials for `{location}`")).with_hint(
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; for a bucket that is open to all, AWS_SKIP_SIGNATURE=true",
    ))
}

/// Whether an endpoint is on this machine, and so needs no encryption.
///
/// **Errors**: [`Error::Request`] if it is no URL, or not encrypted elsewhere and nobody said that this is meant.
fn is_plain_and_here(endpoint: &str, builder: &AmazonS3Builder) -> Result<bool> {
    let hint = "AWS_ENDPOINT_URL is the URL of the store, for example https://minio.example.com";
    let url = Url::parse(endpoint)
        .map_err(|error| Error::request("the endpoint of the store is no URL").with_source(error).with_hint(hint))?;
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return Err(Error::request("the endpoint of the store names no machine").with_hint(hint)),
    };
    let may = builder.get_config_value(&Key::Client(ClientConfigKey::AllowHttp)).is_some_and(|word| word == "true");
    match url.scheme() {
        "http" if is_here => Ok(true),
        "http" if !may => Err(Error::request("the endpoint of the store is not encrypted, and is not on this machine")
            .with_hint("use https, or say that this is meant: AWS_ALLOW_HTTP=true")),
        _ => Ok(false),
    }
}

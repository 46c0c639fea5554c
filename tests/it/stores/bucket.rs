//! A real S3 server in a process of its own, on loopback: moto's, from PyPI. One for all tests, a bucket for each.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt};

/// What is installed: moto, and what its server needs beside S3.
const PACKAGES: [&str; 3] = ["moto[s3]==5.1.22", "flask==3.1.3", "flask-cors==6.0.5"];

/// Names in one page of a listing: few, so that most listings have several.
const PAGE: &str = "5";

struct Server {
    port: u16,
    // It ends when its standard input does, which is when this process does.
    _child: Child,
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/stores/server.py");
        let mut child = Command::new(python())
            .arg(script)
            .env("MOTO_S3_DEFAULT_MAX_KEYS", PAGE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let port = port.trim().parse().expect("the server did not start");
        Server { port, _child: child }
    })
}

/// A Python that has moto, which is installed the first time.
fn python() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stores");
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(folder.join("lock")).unwrap();
    // Another test program may be at it as well.
    lock.lock().unwrap();
    let (venv, ready) = (folder.join("venv"), folder.join("installed"));
    let python = venv.join("bin/python");
    let wanted = PACKAGES.join(" ");
    if fs::read_to_string(&ready).ok().as_ref() != Some(&wanted) {
        let run = |command: &mut Command| {
            let output = command.output().expect("python3 is needed for an S3 server");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(&python).args(pip).args(PACKAGES));
        fs::write(&ready, wanted).unwrap();
    }
    python
}

/// A bucket of its own, empty at first.
pub struct Bucket {
    pub name: String,
    store: AmazonS3,
    runtime: tokio::runtime::Runtime,
}

impl Bucket {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        Self::called(&format!("bucket-{}", COUNT.fetch_add(1, Ordering::Relaxed)))
    }

    pub fn called(name: &str) -> Self {
        let answer = request("PUT", &format!("/{name}"));
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let store = AmazonS3Builder::new()
            .with_endpoint(endpoint())
            .with_allow_http(true)
            .with_bucket_name(name)
            .with_access_key_id("test")
            .with_secret_access_key("test")
            .build()
            .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { name: name.to_owned(), store, runtime }
    }

    pub fn url(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    pub fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        self.runtime.block_on(self.store.put(&Key::parse(key).unwrap(), bytes.into().into())).unwrap();
    }

    pub fn bytes(&self, key: &str) -> Vec<u8> {
        let got = async { self.store.get(&Key::parse(key).unwrap()).await?.bytes().await };
        self.runtime.block_on(got).unwrap().to_vec()
    }

    pub fn get(&self, key: &str) -> String {
        String::from_utf8(self.bytes(key)).unwrap()
    }

    pub fn remove(&self, key: &str) {
        self.runtime.block_on(self.store.delete(&Key::parse(key).unwrap())).unwrap();
    }

    /// The names of all objects, sorted.
    pub fn names(&self) -> Vec<String> {
        let listed = self.store.list(None).map_ok(|meta| meta.location.to_string());
        let mut names: Vec<String> = self.runtime.block_on(listed.try_collect()).unwrap();
        names.sort();
        names
    }

    /// How many uploads in parts have begun and not ended.
    pub fn uploads(&self) -> usize {
        request("GET", &format!("/{}?uploads", self.name)).matches("<UploadId>").count()
    }
}

/// The server's address.
pub fn endpoint() -> String {
    format!("http://{}", address())
}

pub fn address() -> String {
    format!("127.0.0.1:{}", server().port)
}

/// What the AWS tools would be told of the server at `endpoint`.
pub fn environment(endpoint: &str) -> [(&'static str, String); 4] {
    [
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
    ]
}

/// What the client does not offer.
fn request(method: &str, path: &str) -> String {
    let mut connection = TcpStream::connect(address()).unwrap();
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", address());
    connection.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

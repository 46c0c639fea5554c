//! Something between the binary and the server, that sees each request and may do something first, or answer it itself.

use std::io::{Read, Write, copy};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::bucket::address;

/// Sees the head of a request, which the server gets and answers if there is nothing else to do.
type Hook = dyn FnMut(&str) -> Option<Instead> + Send;

/// What happens instead.
pub enum Instead {
    /// The server does not get the request, and this is the answer.
    Of(String),
    /// The server gets it, and this is passed on for its answer.
    OfTheAnswer(String),
}

/// Listens until the process ends. Returns its URL.
pub fn between(hook: impl FnMut(&str) -> Option<Instead> + Send + 'static) -> String {
    let hook: Arc<Mutex<Hook>> = Arc::new(Mutex::new(hook));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let hook = Arc::clone(&hook);
            // Whoever dies in the middle of a request is what some tests are about.
            std::thread::spawn(move || connection.and_then(|client| serve(client, &hook)));
        }
    });
    url
}

/// One request for each connection.
fn serve(mut client: TcpStream, hook: &Mutex<Hook>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let instead = hook.lock().unwrap()(&text);
    if let Some(Instead::Of(answer)) = instead {
        return client.write_all(answer.as_bytes());
    }
    let mut server = TcpStream::connect(address())?;
    server.write_all(text.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes())?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    std::thread::spawn(move || {
        let _ = copy(&mut from, &mut to);
        to.shutdown(Shutdown::Write)
    });
    match instead {
        Some(Instead::OfTheAnswer(answer)) => {
            server.read_to_end(&mut Vec::new())?;
            client.write_all(answer.as_bytes())?;
        }
        _ => drop(copy(&mut server, &mut client)?),
    }
    client.shutdown(Shutdown::Both)
}

/// An answer without a body.
pub fn status(line: &str) -> String {
    format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

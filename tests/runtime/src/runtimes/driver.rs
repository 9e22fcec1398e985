//! A process that starts gateways on command: JSON objects, one a line, on standard input and output.

use std::io;
use std::process::Stdio;
use std::time::{Duration, Instant};

use edgeway_corpus::Mistake;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::printed::Printed;
use super::{NoGateway, Start};
use crate::FAREWELL;
use crate::processes::{Mark, orphans};

/// A process that starts gateways on command; ends when dropped, with the processes that it started.
pub(crate) struct Driver {
    child: Child,
    mark: Mark,
    /// Its end is the command to end.
    input: Option<ChildStdin>,
    answers: UnboundedReceiver<Value>,
    /// What the gateways print, among what the process says.
    printed: Printed,
    id: u64,
}

impl Driver {
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        let mark = Mark::put_on(command);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
        let (Some(input), Some(output), Some(errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let printed = Printed::default();
        let (send, answers) = unbounded_channel();
        // What gets between the answers is what a gateway prints.
        printed.read(output, move |line| match serde_json::from_str::<Value>(line) {
            Ok(answer) if answer["id"].is_u64() => send.send(answer).is_ok(),
            _ => false,
        });
        printed.read(errors, |_| false);
        Ok(Self { child, mark, input: Some(input), answers, printed, id: 0 })
    }

    /// The process's number.
    pub(crate) fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// What any of its gateways prints.
    pub(crate) fn printed(&self) -> Printed {
        self.printed.clone()
    }

    /// Gives `command` and waits for the answer.
    pub(crate) async fn ask(&mut self, command: &str, body: &Value) -> Result<Value, String> {
        tokio::time::timeout(Duration::from_secs(60), self.exchange(command, body))
            .await
            .unwrap_or_else(|_| Err("the driver does not answer".to_owned()))
    }

    async fn exchange(&mut self, command: &str, body: &Value) -> Result<Value, String> {
        self.id += 1;
        let line = format!("{}\n", json!({ "id": self.id, command: body }));
        let input = self.input.as_mut().ok_or("the driver's input is closed")?;
        input.write_all(line.as_bytes()).await.map_err(|error| error.to_string())?;
        input.flush().await.map_err(|error| error.to_string())?;
        while let Some(answer) = self.answers.recv().await {
            if answer["id"] == self.id {
                return Ok(answer);
            }
        }
        Err("the driver ended".to_owned())
    }
}

impl Drop for Driver {
    /// Lets it end by itself: one that is killed leaves its children running.
    fn drop(&mut self) {
        self.input = None;
        let deadline = Instant::now() + FAREWELL;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        // Its runtime ends after it.
        let mut running = self.mark.processes();
        while !running.is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
            running = self.mark.processes();
        }
        orphans::note(&running);
    }
}

/// `start` as a command's body.
pub(crate) fn body_of(start: &Start) -> Value {
    json!({ "config": start.config, "bindings": start.secrets })
}

/// The port in an answer, or what is wrong.
pub(crate) fn port_in(answer: &Value) -> Result<u16, NoGateway> {
    match (answer["port"].as_u64().and_then(|port| u16::try_from(port).ok()), answer["error"].as_str()) {
        (Some(port), _) => Ok(port),
        (None, Some(error)) => Err(match mistakes_in(error) {
            mistakes if mistakes.is_empty() => NoGateway::Failed(error.to_owned()),
            mistakes => NoGateway::Refused(mistakes),
        }),
        (None, None) => Err(NoGateway::Failed(answer.to_string())),
    }
}

/// What is said in `rendered`, as `Diagnostic::render` shows it.
pub(super) fn mistakes_in(rendered: &str) -> Vec<Mistake> {
    let mut mistakes: Vec<Mistake> = Vec::new();
    for line in rendered.lines() {
        if let Some(message) = line.strip_prefix("error: ") {
            mistakes.push(Mistake { message: message.to_owned(), ..Mistake::default() });
        } else if let Some(mistake) = mistakes.last_mut() {
            if let Some(place) = line.strip_prefix("  ┌ ") {
                mistake.path = place.split_once("  ").map_or("", |(_, path)| path).to_owned();
            } else if let Some(help) = line.strip_prefix("  = help: ") {
                mistake.help = Some(help.to_owned());
            }
        }
    }
    mistakes
}

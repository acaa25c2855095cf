//! Debian's Chromium, one for all tests of the process, driven over its DevTools protocol.
//!
//! Orders go to it and answers come back through pipes, so there is no port, and it ends with the test process
//! whatever happens to that. Each test has tabs of its own, which share nothing with those of another.

#![expect(clippy::unwrap_used, reason = "in tests a panic is the report")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::process::{LIMIT, until};

/// The browser with its folder, which goes when it ends. It reads orders from 3 and answers on 4.
const KEEPER: &str = r#"
dir=$1; shift
"$@" --user-data-dir="$dir/profile" 3<&0 4>&1 >"$dir/log" 2>&1 </dev/null
rm -rf "$dir"
"#;

/// Nothing but what a test asks for, and of nobody but this machine.
const ARGUMENTS: [&str; 14] = [
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--lang=en-GB",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "about:blank",
];

/// Waits of a second and more are kept, and what a page is answered when it asks by itself.
const BY_HAND: &str = r#"(() => {
  const [wait, forget, ask] = [setTimeout, clearTimeout, fetch];
  const waits = new Map();
  let last = 0;
  window.waits = waits;
  window.setTimeout = (then, ms) => {
    if (ms < 1000) return wait(then, ms);
    waits.set("held " + ++last, { then, ms });
    return "held " + last;
  };
  window.clearTimeout = (id) => waits.delete(id) || forget(id);
  window.fetch = (...of) => ask(...of).then(
    (answer) => { window.answered = answer.status; return answer; },
    (error) => { window.answered = "failed"; throw error; });
})()"#;

const LOOK: &str = r#"(async () => {
  window.answered = null;
  dispatchEvent(new Event("focus"));
  const [id, { then }] = [...waits].find(([, { ms }]) => ms === 3000);
  waits.delete(id);
  await then();
  if (![...waits.values()].some(({ ms }) => ms === 60000)) throw new Error("it would never look again");
  return window.answered;
})()"#;

type Answer = Result<Value, String>;

/// What the thread that reads shares with those who ask.
#[derive(Debug, Default)]
struct Heard {
    /// By the number of the order; `None` once the browser is gone.
    waiting: Mutex<Option<HashMap<u64, oneshot::Sender<Answer>>>>,
    /// What happened, by tab.
    events: Mutex<HashMap<String, Vec<Value>>>,
}

/// The browser.
#[derive(Debug)]
struct Browser {
    orders: Mutex<ChildStdin>,
    last: AtomicU64,
    heard: Arc<Heard>,
    dir: PathBuf,
    _keeper: Child,
}

/// Starts with the first tab.
static BROWSER: LazyLock<Browser> = LazyLock::new(Browser::start);

impl Browser {
    fn start() -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        assert!(
            std::env::split_paths(&path).any(|dir| dir.join("chromium").is_file()),
            "chromium is not installed: apt-get install chromium fonts-dejavu-core"
        );
        let dir = tempfile::tempdir().unwrap().keep();
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&dir)
            .arg("chromium")
            .args(ARGUMENTS)
            .env("TZ", "UTC")
            .env("TMPDIR", &dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh is there");
        let orders = Mutex::new(keeper.stdin.take().unwrap());
        let answers = BufReader::new(keeper.stdout.take().unwrap());
        let heard = Arc::new(Heard::default());
        *heard.waiting.lock().unwrap() = Some(HashMap::new());
        let hears = heard.clone();
        std::thread::spawn(move || {
            for message in answers.split(0).map_while(Result::ok) {
                hears.hear(&serde_json::from_slice(&message).unwrap());
            }
            // Whoever waits is told by this.
            hears.waiting.lock().unwrap().take();
        });
        Self { orders, last: AtomicU64::new(0), heard, dir, _keeper: keeper }
    }

    /// Sends an order; the answer comes later.
    fn order(&self, session: Option<&str>, method: &str, of: Value) -> oneshot::Receiver<Answer> {
        let id = self.last.fetch_add(1, Ordering::Relaxed);
        let (answered, answer) = oneshot::channel();
        if let Some(waiting) = self.heard.waiting.lock().unwrap().as_mut() {
            waiting.insert(id, answered);
        }
        let mut order = json!({"id": id, "method": method, "params": of});
        if let Some(session) = session {
            order["sessionId"] = session.into();
        }
        let mut bytes = serde_json::to_vec(&order).unwrap();
        bytes.push(0);
        // Where it is gone, the answer never comes, which is told with its log.
        let _ = self.orders.lock().unwrap().write_all(&bytes);
        answer
    }

    async fn ask(&self, session: Option<&str>, method: &str, of: Value) -> Answer {
        let answer = tokio::time::timeout(LIMIT, self.order(session, method, of)).await;
        answer.unwrap_or_else(|_| panic!("chromium did not answer {method}")).unwrap_or_else(|_| {
            let log = std::fs::read_to_string(self.dir.join("log")).unwrap_or_default();
            panic!("chromium ended before it answered {method}:\n{log}")
        })
    }
}

impl Heard {
    fn hear(&self, message: &Value) {
        if let Some(id) = message["id"].as_u64() {
            let mut waiting = self.waiting.lock().unwrap();
            let Some(asked) = waiting.as_mut().and_then(|waiting| waiting.remove(&id)) else {
                return;
            };
            let answer = match message.get("error") {
                Some(error) => Err(error.to_string()),
                None => Ok(message["result"].clone()),
            };
            // Who asked may be gone.
            let _ = asked.send(answer);
        } else if let Some(session) = message["sessionId"].as_str()
            && let Some(events) = self.events.lock().unwrap().get_mut(session)
        {
            events.push(message.clone());
        }
    }
}

/// A tab of a profile of its own, in front of its reader. Closed when dropped.
#[derive(Debug)]
pub struct Tab {
    profile: String,
    session: String,
}

impl Tab {
    pub async fn open() -> Self {
        let browser = &*BROWSER;
        let ask = async |method, of| browser.ask(None, method, of).await.unwrap();
        let text = |answer: &Value, key: &str| answer[key].as_str().unwrap().to_owned();
        let profile = ask("Target.createBrowserContext", json!({"disposeOnDetach": true})).await;
        let profile = text(&profile, "browserContextId");
        let place = json!({"url": "about:blank", "browserContextId": profile});
        let target = text(&ask("Target.createTarget", place).await, "targetId");
        let attached = json!({"targetId": target, "flatten": true});
        let session = text(&ask("Target.attachToTarget", attached).await, "sessionId");
        browser.heard.events.lock().unwrap().insert(session.clone(), Vec::new());
        let tab = Self { profile, session };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            tab.ask(&format!("{domain}.enable"), json!({})).await;
        }
        tab.ask("Page.setLifecycleEventsEnabled", json!({"enabled": true})).await;
        tab.ask("Emulation.setFocusEmulationEnabled", json!({"enabled": true})).await;
        tab.shown(1440, "light").await;
        tab
    }

    /// One order of the DevTools protocol.
    pub async fn ask(&self, method: &str, of: Value) -> Value {
        let answer = BROWSER.ask(Some(&self.session), method, of.clone()).await;
        answer.unwrap_or_else(|error| panic!("{method} {of}: {error}"))
    }

    /// How wide the window is, and which colours its reader prefers: `light` or `dark`.
    pub async fn shown(&self, width: u32, scheme: &str) {
        let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        self.ask("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = json!({"name": "prefers-color-scheme", "value": scheme});
        self.ask("Emulation.setEmulatedMedia", json!({"media": "", "features": [scheme]})).await;
    }

    /// As it would be printed.
    pub async fn printed(&self) {
        self.ask("Emulation.setEmulatedMedia", json!({"media": "print"})).await;
    }

    /// Whether scripts of pages run, from the next page on.
    pub async fn scripts(&self, run: bool) {
        self.ask("Emulation.setScriptExecutionDisabled", json!({"value": !run})).await;
    }

    /// Goes to an address; returns when all of it is loaded.
    pub async fn go(&self, address: &str) {
        let went = self.ask("Page.navigate", json!({"url": address})).await;
        assert!(went.get("errorText").is_none(), "{address}: {went}");
        let loader = &went["loaderId"];
        until(&format!("{address} is loaded"), async || {
            let events = BROWSER.heard.events.lock().unwrap();
            let loaded = events[&self.session].iter().any(|event| {
                let of = &event["params"];
                event["method"] == "Page.lifecycleEvent"
                    && of["name"] == "load"
                    && of["loaderId"] == *loader
            });
            loaded.then_some(())
        })
        .await;
    }

    /// What an expression is; a promise is waited for.
    pub async fn js(&self, expression: &str) -> Value {
        let told = || expression.chars().take(200).collect::<String>();
        self.try_js(expression).await.unwrap_or_else(|error| panic!("{}: {error}", told()))
    }

    async fn try_js(&self, expression: &str) -> Answer {
        let of = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = BROWSER.ask(Some(&self.session), "Runtime.evaluate", of).await?;
        match answer.get("exceptionDetails") {
            Some(thrown) => Err(thrown.to_string()),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    pub async fn text(&self, expression: &str) -> String {
        self.js(expression).await.as_str().unwrap_or_default().to_owned()
    }

    /// Looks until an expression is true. While a page gives way to the next it is not.
    pub async fn until(&self, expression: &str) {
        until(expression, async || {
            (self.try_js(expression).await == Ok(Value::Bool(true))).then_some(())
        })
        .await;
    }

    /// Types a key: a letter, or one of these names.
    pub async fn press(&self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            letter => (u32::from(letter.to_uppercase().chars().next().unwrap()), letter),
        };
        let down =
            json!({"type": "keyDown", "key": key, "text": text, "windowsVirtualKeyCode": code});
        self.ask("Input.dispatchKeyEvent", down).await;
        let up = json!({"type": "keyUp", "key": key, "windowsVirtualKeyCode": code});
        self.ask("Input.dispatchKeyEvent", up).await;
    }

    /// Types a text where the focus is.
    pub async fn write(&self, text: &str) {
        self.ask("Input.insertText", json!({"text": text})).await;
    }

    /// Clicks with the mouse into the middle of what a selector finds first.
    pub async fn click(&self, selector: &str) {
        let middle = format!(
            "(() => {{ const e = document.querySelector({}); e.scrollIntoView({{block: 'center'}}); \
             const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }})()",
            json!(selector)
        );
        let at = self.js(&middle).await;
        for what in ["mousePressed", "mouseReleased"] {
            let click =
                json!({"type": what, "x": at[0], "y": at[1], "button": "left", "clickCount": 1});
            self.ask("Input.dispatchMouseEvent", click).await;
        }
    }

    /// What happened since it was asked before: the parameters of the events with this name.
    pub fn events(&self, method: &str) -> Vec<Value> {
        let mut all = BROWSER.heard.events.lock().unwrap();
        let events = all.get_mut(&self.session).unwrap();
        let asked = events.extract_if(.., |event| event["method"] == method);
        asked.map(|mut event| event["params"].take()).collect()
    }

    /// A picture of it as PNG: the window, or all of the page.
    pub async fn picture(&self, whole: bool) -> Vec<u8> {
        let of = json!({"format": "png", "captureBeyondViewport": whole});
        let answer = self.ask("Page.captureScreenshot", of).await;
        base64(answer["data"].as_str().unwrap())
    }

    /// From the next page on its long waits end when [`looks`](Self::looks) says so, and not before.
    pub async fn waits_for_me(&self) {
        self.ask("Page.addScriptToEvaluateOnNewDocument", json!({"source": BY_HAND})).await;
    }

    /// Its reader comes back to it, the wait after that ends, and it has looked at itself again. What was answered:
    /// a status, `failed`, or null where it did not ask.
    pub async fn looks(&self) -> Value {
        self.js(LOOK).await
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        BROWSER.heard.events.lock().unwrap().remove(&self.session);
        let profile = json!({"browserContextId": self.profile});
        drop(BROWSER.order(None, "Target.disposeBrowserContext", profile));
    }
}

/// The bytes that a browser writes as letters.
fn base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    bytes
}

//! The story: an alert, the capture that it starts, three more alerts that start none, and the message about the end.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use crate::alert::Alert;
use crate::client;
use crate::stage::{BEGINNING, CAPTURE, Stage};
use crate::timeline::{LATENCY, Style, Timeline, milliseconds};

/// The machine that the story is about.
pub const MACHINE: &str = "test-VM";

/// The longest that the story may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long anything may take to come about: well above what the simulator needs for a whole capture.
const PATIENCE_FOR_ONE: Duration = Duration::from_secs(BEGINNING.as_secs() + CAPTURE.as_secs() + 20);

/// Tells the story, or what went wrong with it. Gives the address of nightcap's record of the capture.
pub async fn tell(stage: &Stage, timeline: &Timeline) -> anyhow::Result<String> {
    let story = Story { stage, timeline, target: stage.machine(MACHINE)? };
    let told = tokio::time::timeout(PATIENCE, story.tell()).await;
    told.with_context(|| format!("the story was not over after {} seconds", PATIENCE.as_secs()))?
}

struct Story<'a> {
    stage: &'a Stage,
    timeline: &'a Timeline,
    target: String,
}

/// nightcap's answer to an alert.
struct Answer {
    status: StatusCode,
    outcome: String,
    reason: String,
    message: String,
    capture: Value,
    took: Duration,
}

impl Story<'_> {
    async fn tell(&self) -> anyhow::Result<String> {
        let alert = Alert::now("network-in-is-high", &self.target);
        let first = self.first_alert(&alert).await?;
        let record = text(&first.capture["links"], "self")?;
        self.capture_begins().await?;
        self.record_says_so(&record).await?;
        self.further_alerts(&alert).await?;
        self.capture_ends(&record).await?;
        self.people_are_told().await?;
        self.sum_up(&first)?;
        Ok(record)
    }

    async fn first_alert(&self, alert: &Alert) -> anyhow::Result<Answer> {
        let said = format!("\"{}\" fires on {MACHINE}: POST /api/alerts", alert.rule);
        let answer = self.send(&said, &alert.fired()).await?;
        expect(&answer, StatusCode::CREATED, "started")?;
        self.timeline.event("answer", Style::Green, &answer.in_a_line());
        self.timeline.detail(&answer.message);
        self.timeline.detail(&format!("capture  {}", text(&answer.capture, "name")?));
        self.timeline.detail(&format!("file     {}", answer.capture["storagePath"].as_str().unwrap_or("not told")));
        Ok(answer)
    }

    async fn capture_begins(&self) -> anyhow::Result<()> {
        let runs = async || Ok((self.running_captures() > 0).then_some(()));
        self.wait_until("the pretend Azure runs the capture", runs).await?;
        self.timeline.event("Azure", Style::Bold, &format!("{MACHINE}'s packets are being captured"));
        Ok(())
    }

    async fn record_says_so(&self, link: &str) -> anyhow::Result<()> {
        let running = async || {
            let record = self.record(link).await?;
            Ok((record["phase"] == "running").then_some(record))
        };
        let record = self.wait_until("nightcap's record says that the capture runs", running).await?;
        let steps = record["steps"].as_array().cloned().unwrap_or_default();
        let step = steps.into_iter().find(|step| step["step"] == "running").unwrap_or_default();
        self.timeline.event("record", Style::Green, &format!("running: {}", text(&step, "detail")?));
        self.timeline.detail(link);
        Ok(())
    }

    /// None of these starts another capture.
    async fn further_alerts(&self, first: &Alert) -> anyhow::Result<()> {
        let other = Alert::now("too-many-connections", &self.target);
        let over = "its condition is over: Azure says Resolved";
        let notifications = [
            ("the same alert is delivered again".to_owned(), first.fired(), "joined"),
            (format!("\"{}\" fires on {MACHINE}, too", other.rule), other.fired(), "joined"),
            (format!("\"{}\": {over}", first.rule), first.resolved(), "skipped"),
        ];
        for (said, notification, outcome) in notifications {
            let answer = self.send(&said, &notification).await?;
            expect(&answer, StatusCode::OK, outcome)?;
            self.timeline.event("answer", Style::Green, &format!("{}: {}", answer.in_a_line(), answer.message));
        }
        Ok(())
    }

    async fn capture_ends(&self, link: &str) -> anyhow::Result<()> {
        let over = async || Ok((self.running_captures() == 0).then_some(()));
        self.wait_until("the capture's time is up", over).await?;
        self.timeline.event("Azure", Style::Bold, "the capture's time is up");
        let finished = async || {
            let record = self.record(link).await?;
            Ok((record["phase"] == "finished").then_some(record))
        };
        let record = self.wait_until("nightcap's record says how the capture ended", finished).await?;
        let (reason, message) = (text(&record["end"], "reason")?, text(&record["end"], "message")?);
        self.timeline.event("record", Style::Green, &format!("{reason}: {message}"));
        let file = &record["files"][0];
        self.timeline.detail(&format!("file     {} bytes at {}", file["bytes"], text(file, "url")?));
        Ok(())
    }

    async fn people_are_told(&self) -> anyhow::Result<()> {
        let message = async || Ok(self.stage.look(|azure| azure.messages().last().cloned()));
        let message = self.wait_until("the message arrives", message).await?;
        let card: Value = serde_json::from_str(&message.body)?;
        self.timeline.event("message", Style::Bold, "delivered, as a card for Microsoft Teams that says:");
        for line in lines(&card["attachments"][0]["content"]["body"]) {
            self.timeline.detail(&line);
        }
        Ok(())
    }

    fn sum_up(&self, first: &Answer) -> anyhow::Result<()> {
        let put = self.timeline.first_creation().context("nightcap has not asked Azure for a capture")?;
        let captures = self.stage.look(|azure| {
            let captures = azure.captures();
            captures.iter().filter(|capture| capture.target.eq_ignore_ascii_case(&self.target)).count()
        });
        ensure!(captures == 1, "four alerts led to {captures} captures on {MACHINE} instead of one");
        let say = |name: &str, value: &str| self.timeline.say(&format!("  {name:26} {value}"));
        let after = |took: Duration, answers: u32| {
            format!("{} ms, {} ms of them Azure's pretended delay", milliseconds(took), (LATENCY * answers).as_millis())
        };
        self.timeline.say(&format!("\n{}", self.timeline.paint(Style::Bold, "In short")));
        say("alert to capture request", &after(put.after, put.round_trip.saturating_sub(1)));
        say("alert to answer", &after(first.took, put.round_trip));
        say("round trips", &format!("{}, one after the other; the last one is the capture request", put.round_trip));
        say(&format!("captures on {MACHINE}"), &format!("{captures}, for four notifications"));
        let messages = self.stage.look(|azure| azure.messages().len());
        ensure!(messages == 1, "people were told {messages} times");
        say("messages to people", "1, when the capture was over and its file was there");
        Ok(())
    }

    /// Sends a notification as an action group does.
    async fn send(&self, said: &str, notification: &Value) -> anyhow::Result<Answer> {
        self.timeline.alert_is_sent();
        self.timeline.event("alert", Style::Bold, said);
        let sent = Instant::now();
        let (status, body) = client::post(&self.stage.webhook(), notification).await?;
        let took = sent.elapsed();
        self.timeline.alert_is_answered();
        Answer::read(status, &body, took).with_context(|| format!("nightcap answered {status}: {body}"))
    }

    async fn record(&self, link: &str) -> anyhow::Result<Value> {
        let (status, body) = client::get(link).await?;
        ensure!(status == StatusCode::OK, "nightcap's record is not at {link}: {status}");
        Ok(serde_json::from_slice(&body)?)
    }

    fn running_captures(&self) -> usize {
        self.stage.look(|azure| azure.running_on(Timestamp::now(), &self.target).len())
    }

    async fn wait_until<T>(&self, what: &str, look: impl AsyncFn() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE_FOR_ONE {
            if let Some(seen) = look().await? {
                return Ok(seen);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("waited {} seconds in vain until {what}", PATIENCE_FOR_ONE.as_secs())
    }
}

impl Answer {
    fn read(status: StatusCode, body: &Value, took: Duration) -> anyhow::Result<Answer> {
        let outcome = &body["outcomes"][0];
        Ok(Answer {
            status,
            outcome: text(outcome, "outcome")?,
            reason: text(outcome, "reason")?,
            message: text(outcome, "message")?,
            capture: outcome["capture"].clone(),
            took,
        })
    }

    fn in_a_line(&self) -> String {
        let Answer { status, outcome, reason, .. } = self;
        let why = if reason == outcome { String::new() } else { format!(" ({reason})") };
        format!("{} {outcome}{why} after {} ms", status.as_u16(), milliseconds(self.took))
    }
}

fn expect(answer: &Answer, status: StatusCode, outcome: &str) -> anyhow::Result<()> {
    ensure!(
        answer.status == status && answer.outcome == outcome,
        "nightcap should have answered {} {outcome}, and it answered {} {}: {} ({})",
        status.as_u16(),
        answer.status.as_u16(),
        answer.outcome,
        answer.message,
        answer.reason
    );
    Ok(())
}

/// What a card shows, a line for each of its blocks.
fn lines(blocks: &Value) -> Vec<String> {
    let blocks = blocks.as_array().cloned().unwrap_or_default();
    let line = |block: &Value| match block["inlines"].as_array() {
        Some(runs) => runs.iter().filter_map(|run| run["text"].as_str()).collect(),
        None => block["text"].as_str().unwrap_or_default().to_owned(),
    };
    blocks.iter().map(line).filter(|line: &String| !line.is_empty()).collect()
}

fn text(value: &Value, member: &str) -> anyhow::Result<String> {
    let text = value[member].as_str().with_context(|| format!("the answer has no {member}"))?;
    Ok(text.to_owned())
}

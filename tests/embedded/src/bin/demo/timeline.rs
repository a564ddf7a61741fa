//! What happens, told line by line as it happens.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nightcap_simulator::Exchange;

use crate::purpose::purpose;

/// How long the simulator takes for each answer. It stands for a network, and it tells requests that follow each other
/// from those that go side by side: the next round trip cannot begin before an answer has come.
pub const LATENCY: Duration = Duration::from_millis(25);

/// How a piece of text looks on a terminal, as an ANSI code.
#[derive(Clone, Copy)]
pub enum Style {
    /// Important.
    Bold = 1,
    /// Beside the point.
    Dim = 2,
    /// Well.
    Green = 32,
    /// From nightcap to Azure.
    Cyan = 36,
}

/// The timeline on standard output.
pub struct Timeline {
    colours: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When the first alert was sent.
    began: Option<Instant>,
    /// Of the alert that is being handled.
    trips: Option<RoundTrips>,
    first_creation: Option<Creation>,
    tells_time_of_day: bool,
}

/// The first request that asks Azure for a capture.
#[derive(Clone, Copy)]
pub struct Creation {
    /// When it arrived, since the first alert.
    pub after: Duration,
    /// Its place among the round trips since the alert.
    pub round_trip: u32,
}

/// Counts the requests that had to wait for an answer.
#[derive(Default)]
struct RoundTrips {
    count: u32,
    began: Option<Instant>,
}

impl RoundTrips {
    /// The round trip that a request belongs to.
    fn of_request(&mut self, arrived: Instant) -> u32 {
        if self.began.is_none_or(|began| arrived >= began + LATENCY) {
            self.count += 1;
            self.began = Some(arrived);
        }
        self.count
    }
}

impl Timeline {
    /// An empty timeline.
    pub fn new() -> Timeline {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Timeline { colours: std::io::stdout().is_terminal() && !no_color, state: Mutex::default() }
    }

    /// Prints text as it is.
    pub fn say(&self, text: &str) {
        // Whoever pipes the output away may have closed the pipe; the demo goes on.
        let _ = writeln!(std::io::stdout(), "{text}");
    }

    /// The text in a style, where there are colours.
    pub fn paint(&self, style: Style, text: &str) -> String {
        let visible = text.trim();
        if !self.colours || visible.is_empty() {
            return text.to_owned();
        }
        text.replacen(visible, &format!("\u{1b}[{}m{visible}\u{1b}[0m", style as u8), 1)
    }

    /// Prints text that is beside the point.
    pub fn remark(&self, text: &str) {
        self.say(&self.paint(Style::Dim, text));
    }

    /// The moment before an alert is sent. The first one begins the timeline, each one the counting of round trips.
    pub fn alert_is_sent(&self) {
        let mut state = self.state();
        state.began.get_or_insert_with(Instant::now);
        state.trips = Some(RoundTrips::default());
    }

    /// The answer to the alert is here; whatever nightcap asks from now on keeps nobody waiting.
    pub fn alert_is_answered(&self) {
        self.state().trips = None;
    }

    /// Time since the first alert.
    pub fn elapsed(&self) -> Duration {
        self.state().began.map(|began| began.elapsed()).unwrap_or_default()
    }

    /// The first request that asked for a capture.
    pub fn first_creation(&self) -> Option<Creation> {
        self.state().first_creation
    }

    /// From now on lines begin with the time of day: the story is over.
    pub fn tell_the_time_of_day(&self) {
        self.state().tells_time_of_day = true;
    }

    /// A line of the timeline.
    pub fn event(&self, who: &str, style: Style, text: &str) {
        self.line(&self.time(self.elapsed()), who, style, text);
    }

    /// More about the last line.
    pub fn detail(&self, text: &str) {
        self.line("", "", Style::Dim, text);
    }

    /// A request that has arrived at the simulator.
    pub fn request(&self, exchange: &Exchange) {
        let arrived = Instant::now();
        let is_creation = exchange.method == "PUT" && exchange.path.to_lowercase().contains("/packetcaptures/");
        let (after, round_trip) = {
            let mut state = self.state();
            let after = state.began.map(|began| arrived.duration_since(began)).unwrap_or_default();
            let round_trip = state.trips.as_mut().map(|trips| trips.of_request(arrived));
            if let (true, Some(round_trip), None) = (is_creation, round_trip, state.first_creation) {
                state.first_creation = Some(Creation { after, round_trip });
            }
            (after, round_trip)
        };
        let trip = round_trip.map(|number| format!("round trip {number}")).unwrap_or_default();
        let fault = exchange.fault.as_ref().map(|fault| format!("  [fault: {fault}]")).unwrap_or_default();
        let status = match exchange.status {
            0 => "cut".to_owned(),
            status => status.to_string(),
        };
        let (method, purpose) = (&exchange.method, purpose(exchange));
        let text = format!("{method:6} {purpose:56} {status}  {}{fault}", self.paint(Style::Dim, &trip));
        self.line(&self.time(after), "→ Azure", Style::Cyan, text.trim_end());
    }

    fn line(&self, time: &str, who: &str, style: Style, text: &str) {
        let time = self.paint(Style::Dim, &format!("{time:>12}"));
        let who = self.paint(style, &format!("{who:9}"));
        self.say(&format!("{time}  {who} {text}"));
    }

    fn time(&self, since_the_alert: Duration) -> String {
        if self.state().tells_time_of_day {
            return Timestamp::now().strftime("%H:%M:%S%.3fZ").to_string();
        }
        format!("{} ms", milliseconds(since_the_alert))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Milliseconds with one decimal, as in `8.3`.
pub fn milliseconds(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1000.0)
}

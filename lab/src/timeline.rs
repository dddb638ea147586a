//! What a person reads while the story is played, and the table at its end.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::failure::{Failure, Outcome};
use crate::interrupt;
use crate::process::tail;

/// The timeline of one run.
#[derive(Debug)]
pub struct Timeline {
    start: Instant,
    steps: Vec<Step>,
    figures: Vec<(String, f64)>,
    /// With `--json` the standard output is for the table alone.
    to_stderr: bool,
}

#[derive(Debug)]
struct Step {
    title: String,
    took: Duration,
    outcome: Result<(), Failure>,
}

impl Timeline {
    /// An empty timeline that starts now. With `json`, the story goes to the standard error.
    pub fn new(json: bool) -> Self {
        Self { start: Instant::now(), steps: Vec::new(), figures: Vec::new(), to_stderr: json }
    }

    /// Plays a step: its title, then whatever it notes, then its result.
    pub fn step<T>(&mut self, title: &str, play: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        self.say(&format!("{} {title}", self.clock()));
        let start = Instant::now();
        // A signal also ends the programs that a step runs: then their complaints are not what went wrong.
        let outcome = play(self)
            .map_err(|failure| if interrupt::requested() { Failure::interrupted() } else { failure });
        let took = start.elapsed();
        if let Err(failure) = &outcome {
            self.say(&format!(
                "{}   {}",
                self.clock(),
                if failure.interrupted { "stopped" } else { "FAILED" }
            ));
        }
        let result = outcome.as_ref().map(|_| ()).map_err(Clone::clone);
        self.steps.push(Step { title: title.to_string(), took, outcome: result });
        outcome
    }

    /// A line within a step.
    pub fn note(&self, words: impl AsRef<str>) {
        self.say(&format!("{}   {}", self.clock(), words.as_ref()));
    }

    /// A number that belongs into the table; `name` ends with its unit.
    pub fn figure(&mut self, name: &str, value: f64) {
        self.figures.push((name.to_string(), value));
    }

    /// The numbers as one flat object.
    pub fn figures(&self) -> Value {
        let mut all: serde_json::Map<String, Value> =
            self.figures.iter().map(|(name, value)| (name.clone(), json!(rounded(*value)))).collect();
        all.insert("whole_story_s".to_string(), json!(rounded(self.start.elapsed().as_secs_f64())));
        Value::Object(all)
    }

    /// The table for people.
    pub fn table(&self) -> String {
        let width = self.steps.iter().map(|step| step.title.len()).max().unwrap_or(0).max(4);
        let rule = format!("+-{:-<width$}-+---------+---------+\n", "");
        let mut text = format!("\n{rule}| {:<width$} | seconds | result  |\n{rule}", "step");
        for step in &self.steps {
            let _ = writeln!(
                text,
                "| {:<width$} | {:>7.2} | {:<7} |",
                step.title,
                step.took.as_secs_f64(),
                word(&step.outcome)
            );
        }
        text.push_str(&rule);
        let width = self.figures.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in &self.figures {
            let _ = writeln!(text, "  {name:<width$}  {value:>8.2}");
        }
        text
    }

    /// The table for programs.
    pub fn json(&self) -> Value {
        let steps: Vec<Value> = self
            .steps
            .iter()
            .map(|step| {
                let seconds = rounded(step.took.as_secs_f64());
                json!({"step": step.title, "seconds": seconds, "result": word(&step.outcome)})
            })
            .collect();
        let failure =
            self.steps.iter().find_map(|step| step.outcome.as_ref().err()).map(
                |failure| json!({"expected": failure.expected, "seen": failure.seen, "read": failure.read}),
            );
        json!({"ok": failure.is_none(), "steps": steps, "figures": self.figures(), "failure": failure})
    }

    /// Says something outside of a step.
    pub fn say(&self, line: &str) {
        if self.to_stderr {
            eprintln!("{line}");
        } else {
            println!("{line}");
        }
    }

    fn clock(&self) -> String {
        format!("[{:7.2}]", self.start.elapsed().as_secs_f64())
    }
}

/// All that helps to understand a failure.
pub fn explain(failure: &Failure) -> String {
    let mut text = format!("\nexpected  {}\nseen      {}\n", failure.expected, failure.seen);
    for path in &failure.read {
        let _ = writeln!(text, "read      {}", path.display());
    }
    for path in failure.read.iter().take(2) {
        let lines = tail(path, LAST_LINES);
        let _ = writeln!(text, "\nlast lines of {}:", path.display());
        if lines.is_empty() {
            text.push_str("  (it is empty)\n");
        }
        for line in lines {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

fn word(outcome: &Result<(), Failure>) -> &'static str {
    match outcome {
        Ok(()) => "ok",
        Err(failure) if failure.interrupted => "stopped",
        Err(_) => "FAILED",
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// As many lines of a log as fit on a screen beside the table.
const LAST_LINES: usize = 12;

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn a_failed_step_is_in_the_table_and_in_the_json() {
        let mut timeline = Timeline::new(true);
        timeline.step("first", |_| Ok(())).expect("it does nothing");
        let failure = timeline.step("second", |_| Outcome::<()>::Err(Failure::new("this", "that")));
        assert!(failure.is_err());
        timeline.figure("outage_s", 1.23456);
        let table = timeline.table();
        assert!(table.contains("| first  |") && table.contains("FAILED"), "{table}");
        let json = timeline.json();
        assert_eq!(json["ok"], false);
        assert_eq!(json["failure"]["seen"], "that");
        assert_eq!(json["figures"]["outage_s"], 1.235);
    }
}

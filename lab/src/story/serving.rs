//! What members serve to everybody. An officer at the square signs that the school has a library, and a radio whose
//! machine does not answer; every node does the rest.

use std::time::{Duration, Instant};

use super::phones::describe_visit;
use super::{HAMLET, OUTSIDE_URL, PATIENCE, SQUARE, Story};
use crate::failure::{Failure, Outcome};
use crate::interrupt;
use crate::timeline::Timeline;
use crate::topology::{CONTENT_NAME, CONTENT4, CONTENT6};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// Where the library is.
const SCHOOL: &str = "escuela";
/// Nobody listens there.
const DEAD_PORT: &str = "81";
/// The portal's words beside the name of what does not answer.
const SILENT: &str = "Radio (ahora no responde)";

impl Story {
    pub(super) fn library_named(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let (label, _) = CONTENT_NAME.split_once('.').expect("a name below .mesh");
        let library = format!("{CONTENT4}/32,{CONTENT6}/128");
        let radio = format!("{CONTENT4}/32");
        let moment = Instant::now();
        for words in [
            [
                "--name",
                label,
                "--title",
                "Biblioteca",
                "--prefixes",
                &library,
                "--icon",
                "book",
                "--port",
                "80",
            ],
            [
                "--name",
                "radio",
                "--title",
                "Radio",
                "--prefixes",
                &radio,
                "--icon",
                "radio",
                "--port",
                DEAD_PORT,
            ],
        ] {
            let mut command = vec!["service", "set", "--node", SCHOOL];
            command.extend(words);
            self.village.household(SQUARE).ask(&command)?;
        }
        let whole = |text: &str| text.contains(CONTENT_NAME) && text.contains("radio.san-tequio.mesh");
        for household in &self.village.households {
            while !whole(&household.service_names()) {
                interrupt::check()?;
                if moment.elapsed() > PATIENCE {
                    let expected =
                        format!("{CONTENT_NAME} among the names that {} knows", household.site.name);
                    return Err(Failure::new(expected, household.service_names()).read(&household.log));
                }
                std::thread::sleep(LOOK);
            }
        }
        let nodes = self.village.households.len();
        timeline.note(format!(
            "{CONTENT_NAME} has an address at all {nodes} nodes {:.2} s after an officer signed it",
            moment.elapsed().as_secs_f64()
        ));
        Ok(())
    }

    pub(super) fn silence_told(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let moment = Instant::now();
        let luz = self.phone(HAMLET, "luz-looks", 40)?;
        luz.lease()?;
        let mut luz = luz;
        loop {
            interrupt::check()?;
            let visit = luz.open(OUTSIDE_URL)?;
            let page = visit.page.text();
            if page.contains(SILENT) && page.contains("Biblioteca") && !page.contains("Biblioteca (") {
                break;
            }
            // Asked twice, half a minute apart, and told in the school's next word.
            if moment.elapsed() > 2 * PATIENCE {
                let expected = format!("a portal at the hamlet with `{SILENT}`");
                return Err(Failure::new(expected, describe_visit(&visit)));
            }
            std::thread::sleep(LOOK);
        }
        timeline.note("the portal of the hamlet says that the school's radio does not answer, and nothing of its library");
        Ok(())
    }
}

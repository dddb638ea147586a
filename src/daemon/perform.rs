//! What the node wants done, done.

use std::path::Path;

use super::{Daemon, json};
use crate::base::address::MacAddress;
use crate::node::call::{Answer, Paged, Statistics};
use crate::node::input::Input;
use crate::node::output::{Note, NoteLevel, Output, StoreId};
use crate::platform::clock;
use crate::platform::mesh_socket::MeshCounters;
use crate::platform::recording::Recording;
use crate::platform::store::SubmitError;

impl Daemon {
    /// Hands an input to the node and does what comes out. Some outputs have an answer of their own
    /// (a refused batch, counters): those inputs follow at once, in order.
    pub(super) async fn input(&mut self, input: Input) {
        let mut inputs = std::collections::VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for output in self.step(input) {
                inputs.extend(self.perform(output).await);
            }
        }
        self.tell_neighbours();
    }

    fn step(&mut self, input: Input) -> Vec<Output> {
        let now = clock::now();
        let Some(recording) = &mut self.recording else {
            return self.node.step(now, input, &mut self.vault);
        };
        let (outputs, written) = recording.step(&mut self.node, now, input, &mut self.vault);
        if let Err(why) = written {
            log::error!("the recording ends: {why}");
            self.recording = None;
        }
        outputs
    }

    async fn perform(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Packet { interface, destination, bytes } => {
                // A full buffer is counted there; Babel is made for losses.
                self.mesh.send(interface, destination, &bytes);
            }
            Output::Routes(changes) => {
                self.tell_routes(&changes);
                self.routes.apply(changes);
            }
            Output::Guests(changes) => {
                let guests = self.hotspot.as_mut()?;
                let error = guests.firewall.apply(&changes).await.err()?;
                return Some(Input::GuestsFailed { changes, why: error.to_string() });
            }
            Output::ReadUsage => return self.read_usage().await,
            Output::Seek(macs) => return self.seek(&macs).await,
            Output::Probe(probe) => self.prober.ask(probe),
            Output::Names(names) => self.write_names(names),
            Output::Page { request, language, page } => {
                if let Some(guests) = &mut self.hotspot {
                    let visit = guests.visits.end(request);
                    let mut rendered = page.render(self.words.words(language), &visit.token);
                    visit.answer(&page, &mut rendered);
                    guests.portal.reply(request, rendered);
                }
            }
            Output::Answer { request, mut answer } => {
                self.add_figures(&mut answer);
                if let Some(call) = self.calls.remove(&request) {
                    self.ubus.reply(call, Ok(json::to_json(&answer)));
                }
            }
            Output::Store { id, records, durable } => {
                return refused(id, self.store.submit(id.0, records, durable));
            }
            Output::StoreWhole { id, records } => {
                return refused(id, self.store.submit_whole(id.0, records));
            }
            Output::LookEach(each) => self.look_each(each),
            Output::Recover { radio, rung, stations } => self.recover_radio(radio, rung, &stations),
            Output::Change(action) => return self.change_link(action),
            Output::Exchange(output) => self.streams.perform(output),
            Output::SaveSessions(sessions) => self.run_folder.save_sessions(sessions),
            Output::SaveTime(kept) => self.run_folder.save_time(&self.config.node.state_dir, kept),
            Output::SaveVolumes(volumes) => {
                self.run_folder.save_volumes(&self.config.node.state_dir, volumes)
            }
            Output::SaveSeqno(seqno) => self.run_folder.save_seqno(seqno),
            Output::Note(Note { level, text }) => match level {
                NoteLevel::Debug => log::debug!("{text}"),
                NoteLevel::Info => log::info!("{text}"),
                NoteLevel::Warning => log::warn!("{text}"),
            },
        }
        None
    }

    async fn read_usage(&mut self) -> Option<Input> {
        match self.hotspot.as_mut()?.firewall.samples().await {
            Ok(samples) => Some(Input::Usage(samples)),
            Err(error) => {
                log::warn!("the counters of guests cannot be read: {error}");
                None
            }
        }
    }

    /// Asks the air for devices of guests.
    async fn seek(&mut self, macs: &[MacAddress]) -> Option<Input> {
        match self.hotspot.as_mut()?.neighbours.seek(macs).await {
            Ok(found) => Some(Input::Sought(found)),
            Err(error) => {
                log::warn!("the devices of guests cannot be asked for: {error}");
                None
            }
        }
    }

    /// Adds to an answer what the node does not know.
    fn add_figures(&self, answer: &mut Answer) {
        match answer {
            Answer::Statistics(page) => self.add_sockets(page),
            Answer::Status(status) => {
                let guests = self.hotspot.as_ref();
                status.names_answered = guests.map_or(0, |guests| guests.portal.names_answered());
            }
            Answer::Aligned(aligned) => {
                let Some(radios) = &self.radios.adapter else { return };
                for aim in &mut aligned.stations {
                    aim.name = radios.name_of(aim.mac).to_owned();
                }
            }
            _ => {}
        }
    }

    /// What the sockets dropped before it came to the node.
    fn add_sockets(&self, page: &mut Paged<Statistics>) {
        for row in page.entries.iter_mut().filter(|row| row.neighbour.is_none()) {
            let dropped = self.mesh.counters_of(&row.interface).into_iter().flat_map(MeshCounters::dropped);
            let dropped = dropped.filter(|(_, count)| *count > 0);
            row.dropped.extend(dropped.map(|(code, count)| (code.to_owned(), count)));
        }
    }

    /// Starts to record into a file that does not exist yet.
    pub(super) fn start_recording(&mut self, path: &Path) -> Result<(), String> {
        if let Some(recording) = &self.recording {
            return Err(format!("A recording is under way into {}.", recording.path().display()));
        }
        self.recording = Some(Recording::start(path, &self.node)?);
        log::info!("what happens is recorded into {}", path.display());
        Ok(())
    }

    /// Ends the recording, if there is one; says whether there was.
    pub(super) fn stop_recording(&mut self) -> bool {
        self.recording.take().is_some()
    }
}

/// What the node is told of records that the store did not even take.
fn refused(id: StoreId, submitted: Result<(), SubmitError>) -> Option<Input> {
    submitted.err().map(|why| Input::StoreFailed(id, why.to_string()))
}

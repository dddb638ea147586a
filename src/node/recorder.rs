//! Record and replay: a bug in the field becomes a file, then a test.
//!
//! A recording is a snapshot of the whole node, then every input with the vault's answers to it and
//! a digest of the outputs. Devices, codes and what guests typed are under pseudonyms
//! ([`super::redact`]), keys are in none of these values. [`replay`] feeds the inputs to the node of the
//! snapshot and compares digests after each step. The format belongs to one version of the program: the
//! header says which.
//!
//! ```text
//! header | snapshot frame | step frame | step frame ..
//! frame: length, 4 bytes | body | check, 8 bytes: hash of the check before and the body
//! body of a step: time, input, answers, number of outputs, digest of the outputs
//! ```
//!
//! The chain of checks tells a damaged file from a node that did something else.

mod vaults;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;

use blake2::{Blake2s256, Digest};
use serde::{Deserialize, Serialize};

use super::Node;
use super::input::Input;
use super::output::Output;
use super::redact::{Masked, Pseudonyms};
use super::vault::{Vault, WorkId};
use crate::base::bytes::Reader;
use crate::base::limit;
use crate::base::sorted::SortedSet;
use crate::base::time::Instant;
use crate::link::sample::RadioNews;
use vaults::{RecordingVault, ReplayVault, VaultAnswer};

/// What a recording begins with: it is read by the version that wrote it.
const MAGIC: &str = concat!("tequio recording ", env!("CARGO_PKG_VERSION"), "\n");

/// Turns what a node does into the bytes of a recording.
#[derive(Debug)]
pub struct Recorder {
    names: RefCell<Pseudonyms>,
    /// Chains whose proof nobody typed: a proof in a recording could burn an unused coupon.
    no_proof: SortedSet<WorkId>,
    check: Check,
}

/// The end of the chain of checks.
type Check = [u8; 8];

/// One step of a recording, as it is written.
#[derive(Serialize)]
struct StepOut<'a> {
    now: Instant,
    input: Masked<'a, Input>,
    answers: Masked<'a, Vec<VaultAnswer>>,
    outputs: u32,
    digest: [u8; 8],
}

/// One step of a recording, as it is read.
#[derive(Deserialize)]
struct StepIn {
    now: Instant,
    input: Input,
    answers: VecDeque<VaultAnswer>,
    outputs: u32,
    digest: [u8; 8],
}

impl Recorder {
    /// Starts a recording of `node`, and gives its first bytes.
    pub fn start(node: &Node) -> (Self, Vec<u8>) {
        let no_proof = node.chains.nobody_typed().collect();
        let mut recorder = Self { names: RefCell::default(), no_proof, check: [0; 8] };
        let mut bytes = MAGIC.as_bytes().to_vec();
        let snapshot = serialised(&Masked(node, &recorder.names));
        bytes.extend(frame(&mut recorder.check, &snapshot));
        (recorder, bytes)
    }

    /// Lets `node` handle `input` and gives the outputs, together with the bytes that record the step.
    pub fn step(
        &mut self,
        node: &mut Node,
        now: Instant,
        input: Input,
        vault: &mut dyn Vault,
    ) -> (Vec<Output>, Vec<u8>) {
        let written = match &input {
            Input::Portal { request, guest, http } => {
                let http = self.names.borrow_mut().request(node.settings.hotspot.as_ref(), http);
                Input::Portal { request: *request, guest: *guest, http }
            }
            // Under a pseudonym a station cannot be recognised.
            Input::Radio(RadioNews::Sample(sample)) => {
                Input::Radio(RadioNews::Sample(node.with_neighbours(sample.clone())))
            }
            other => other.clone(),
        };
        let mut vault = RecordingVault { inner: vault, answers: Vec::new(), no_proof: &mut self.no_proof };
        let outputs = node.step(now, input, &mut vault);
        let step = StepOut {
            now,
            input: Masked(&written, &self.names),
            answers: Masked(&vault.answers, &self.names),
            outputs: u32::try_from(outputs.len()).unwrap_or(u32::MAX),
            digest: hash(&[&serialised(&Masked(&outputs, &self.names))]),
        };
        let bytes = frame(&mut self.check, &serialised(&step));
        (outputs, bytes)
    }
}

/// What a replay found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Inputs that were handled.
    pub steps: u64,
    /// Outputs that came, all equal to those of the recording.
    pub outputs: u64,
    /// Hash over all outputs, to compare two replays.
    pub digest: [u8; 8],
    /// Whether the recording ends inside a step, as after a power cut.
    pub torn: bool,
}

/// Why a recording could not be replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplayError {
    /// The file is no recording of this version.
    NotOurs,
    /// The bytes are not those that were written.
    Damaged {
        /// Which step, from 0; `None` is the snapshot before them.
        step: Option<u64>,
    },
    /// The node did something else than in the recording.
    Different {
        /// Which step, from 0.
        step: u64,
        /// When it was.
        now: Instant,
        /// What was put in.
        input: String,
        /// How many outputs the recording has, and how many came.
        outputs: (u32, u32),
    },
}

impl fmt::Display for ReplayError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurs => {
                write!(formatter, "the file is no recording of version {}", env!("CARGO_PKG_VERSION"))
            }
            Self::Damaged { step: None } => {
                write!(formatter, "the snapshot that the recording begins with is damaged")
            }
            Self::Damaged { step: Some(step) } => {
                write!(formatter, "step {step} of the recording is damaged")
            }
            Self::Different { step, now, input, outputs: (recorded, came) } => write!(
                formatter,
                "step {step} at {now} differs: the recording has {recorded} outputs, {came} came, after {input}"
            ),
        }
    }
}

impl std::error::Error for ReplayError {}

/// Replays a recording and compares every step. `watch` sees each step before it is compared.
pub fn replay(
    recording: &[u8],
    mut watch: impl FnMut(Instant, &Input, &[Output]),
) -> Result<Replayed, ReplayError> {
    let mut reader = Reader::new(recording.strip_prefix(MAGIC.as_bytes()).ok_or(ReplayError::NotOurs)?);
    let mut check = [0; 8];
    let mut node: Node = match next_frame(&mut reader, &mut check) {
        Next::Value(node) => node,
        Next::Torn | Next::Damaged => return Err(ReplayError::Damaged { step: None }),
    };
    let mut replayed = Replayed { steps: 0, outputs: 0, digest: [0; 8], torn: false };
    while !reader.is_empty() {
        let step = replayed.steps;
        let read: StepIn = match next_frame(&mut reader, &mut check) {
            Next::Value(read) => read,
            Next::Damaged => return Err(ReplayError::Damaged { step: Some(step) }),
            Next::Torn => {
                replayed.torn = true;
                break;
            }
        };
        let StepIn { now, input, answers, outputs: recorded, digest: wanted } = read;
        let mut vault = ReplayVault { answers };
        let outputs = node.step(now, input.clone(), &mut vault);
        watch(now, &input, &outputs);
        let came = u32::try_from(outputs.len()).unwrap_or(u32::MAX);
        let digest = hash(&[&serialised(&outputs)]);
        if digest != wanted {
            let mut input = format!("{input:?}");
            input.truncate(input.char_indices().nth(400).map_or(input.len(), |(index, _)| index));
            return Err(ReplayError::Different { step, now, input, outputs: (recorded, came) });
        }
        replayed.steps += 1;
        replayed.outputs += u64::from(came);
        replayed.digest = hash(&[&replayed.digest, &digest]);
    }
    Ok(replayed)
}

/// What was found where a frame should be.
enum Next<T> {
    Value(T),
    /// The recording ends inside it.
    Torn,
    Damaged,
}

fn frame(check: &mut Check, body: &[u8]) -> Vec<u8> {
    *check = hash(&[check.as_slice(), body]);
    let mut bytes = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
    bytes.extend(body);
    bytes.extend(*check);
    bytes
}

fn next_frame<T: serde::de::DeserializeOwned>(reader: &mut Reader<'_>, check: &mut Check) -> Next<T> {
    let Ok(length) = reader.u32() else { return Next::Torn };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > limit::RECORDING_FRAME_BYTES {
        return Next::Damaged;
    }
    let (Ok(body), Ok(wanted)) = (reader.take(length), reader.take(check.len())) else { return Next::Torn };
    *check = hash(&[check.as_slice(), body]);
    match postcard::from_bytes(body) {
        Ok(value) if check.as_slice() == wanted => Next::Value(value),
        _ => Next::Damaged,
    }
}

fn serialised(value: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(value).expect("a value of ours has a serialised form of bounded size")
}

fn hash(parts: &[&[u8]]) -> [u8; 8] {
    let mut hash = Blake2s256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().as_slice().first_chunk().copied().expect("the hash has 32 bytes")
}

#[cfg(test)]
pub(super) mod tests;

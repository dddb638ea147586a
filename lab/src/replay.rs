//! `lab replay FILE`: the recorded node, once more.

use std::path::Path;

use tequio::node::recorder::{self, Replayed};

/// Replays a recording; with `trace` prints each step.
pub fn run(path: &Path, trace: bool) -> Result<Replayed, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let replayed = recorder::replay(&bytes, |now, input, outputs| {
        if trace {
            println!("{now:>14}  {input:?}");
            for output in outputs {
                println!("{:>14}    -> {output:?}", "");
            }
        }
    });
    replayed.map_err(|error| format!("{}: {error}", path.display()))
}

/// What a replay found, for a person.
pub fn sentence(path: &Path, replayed: &Replayed) -> String {
    let Replayed { steps, outputs, digest, torn } = replayed;
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let torn = if *torn { "; it ends inside a step" } else { "" };
    format!("{}: {steps} steps, {outputs} outputs, all as recorded, digest {digest}{torn}", path.display())
}

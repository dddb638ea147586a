//! A phone at an access node without a daemon. Needs root, as all of the laboratory.

use std::process::Command;

#[test]
fn a_phone_gets_a_lease_a_name_and_a_page() {
    let output = Command::new(env!("CARGO_BIN_EXE_lab")).arg("bench-phone").output().expect("it was built");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let steps = [
        "DHCP   10.77.",
        "DNS    contenido.mesh is",
        "from another port",
        "HTTP   200",
        "SLAAC  fd77:",
        "closed",
    ];
    for step in steps {
        assert!(said.contains(step), "`{step}` is missing in:\n{said}");
    }
}

//! The settings that point nightcap at the simulator, printed for a shell.

use std::io::{self, Write};

use nightcap_simulator::World;

/// Prints what is served, and nightcap's settings for it, in both forms that nightcap's hosts take.
pub(crate) fn print(out: &mut impl Write, world: &World) -> io::Result<()> {
    let urls = &world.urls;
    writeln!(out, "Microsoft Entra   {}", urls.authority)?;
    writeln!(out, "Resource Manager  {}", urls.arm)?;
    writeln!(out, "Blob storage      {}", urls.blob)?;
    writeln!(out, "messages          {0}    and control: {0}/simulator/transcript", urls.sink)?;
    writeln!(out, "\nmachines that may have an alert:")?;
    for machine in &world.virtual_machines {
        let agent = if machine.agent.is_some() { "" } else { "  (no Network Watcher agent)" };
        writeln!(out, "  {}  {}{agent}", machine.id, machine.location)?;
    }
    for set in &world.scale_sets {
        writeln!(out, "  {}  {}", set.id, set.location)?;
    }
    let settings = world.settings();
    writeln!(out, "\n# settings for a host that reads the environment:")?;
    for (name, value) in &settings {
        writeln!(out, "export NIGHTCAP_{}={}", name.to_uppercase(), quoted(value))?;
    }
    writeln!(out, "\n# the same for Spin:")?;
    write!(out, "spin up")?;
    for (name, value) in &settings {
        write!(out, " \\\n  --variable {}", quoted(&format!("{name}={value}")))?;
    }
    writeln!(out, "\n\n# requests, as they come:")?;
    out.flush()
}

/// A value as a POSIX shell takes it literally.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nightcap_simulator::Urls;

    #[test]
    fn both_forms_hold_every_setting_quoted() {
        let mut out = Vec::new();
        print(&mut out, &World::sample(Urls::public())).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("export NIGHTCAP_ARM_URL='https://management.azure.com'\n"));
        assert!(text.contains("--variable 'arm_url=https://management.azure.com'"));
        assert!(text.contains(r#"export NIGHTCAP_STORAGE_ACCOUNT_ID='{"eastus":"/subscriptions/"#));
    }

    #[test]
    fn a_quote_in_a_value_does_not_end_it() {
        assert_eq!(quoted("a'b"), r"'a'\''b'");
    }
}

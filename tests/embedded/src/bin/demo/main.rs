//! `cargo demo`: an alert fires in a pretend Azure, and everything that nightcap does is told as it happens.

mod alert;
mod client;
mod invitation;
mod options;
mod purpose;
mod stage;
mod story;
mod timeline;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::ensure;
use options::{Command, Options, Story};
use stage::Stage;
use timeline::Timeline;

fn main() -> ExitCode {
    let outcome = match options::command() {
        Ok(Command::Help) => {
            Timeline::new().say(options::HELP.trim_end());
            Ok(())
        }
        Ok(Command::Run(options)) => run(options),
        Err(error) => Err(anyhow::anyhow!("{error}; `cargo demo --help` tells what there is")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\ndemo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(options: Options) -> anyhow::Result<()> {
    let timeline = Arc::new(Timeline::new());
    let stage = Stage::set_up(&options, &timeline).await?;
    let record = match options.story {
        Story::Untold => None,
        Story::Once | Story::AndMore => {
            let told = story::tell(&stage, &timeline).await;
            Some(told.inspect_err(|_| stage.show_what_nightcap_wrote())?)
        }
    };
    if options.story != Story::Once {
        invitation::show(&stage, record.as_deref(), &timeline)?;
        timeline.tell_the_time_of_day();
        stage.tell_of_alerts(&timeline);
        tokio::signal::ctrl_c().await?;
        timeline.say("\nThe pretend Azure and nightcap end here.");
    }
    let traps = stage.nightcap.traps();
    stage.nightcap.kill().await;
    ensure!(traps.is_empty(), "nightcap died: {}", traps.join("\nnightcap died: "));
    Ok(())
}

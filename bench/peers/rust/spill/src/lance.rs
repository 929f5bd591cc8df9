// SPDX-License-Identifier: Apache-2.0
// lance-datafusion: create_replay_spill(), written and read by tasks, as its spilling_table_provider() has it.
#[path = "../../common.rs"]
mod common;

use common::{Clock, Cost, Figures, Job, Outcome, Totals};
use futures::StreamExt;
use lance_datafusion::spill::{create_replay_spill, SpillReceiver, SpillSender};
use std::sync::Arc;

async fn write(job: Arc<Job>, mut sender: SpillSender) -> Outcome<(Cost, SpillSender)> {
    let clock = Clock::start();
    for index in 0..job.count {
        sender.write(job.batch(index)).await?;
    }
    sender.finish().await?;
    Ok((clock.stop(), sender))
}

async fn replay(receiver: SpillReceiver) -> Outcome<(Cost, Totals)> {
    let clock = Clock::start();
    let mut totals = Totals::default();
    let mut stream = receiver.read();
    while let Some(batch) = stream.next().await {
        totals.add(&batch?);
    }
    Ok((clock.stop(), totals))
}

async fn run(job: Arc<Job>) -> Outcome<Figures> {
    let limit = if job.held { usize::MAX } else { 0 };
    let (sender, receiver) = create_replay_spill(job.path(), job.schema.clone(), limit);
    let (wrote, sender) = tokio::spawn(write(job.clone(), sender)).await??;
    let (replayed, read) = tokio::spawn(replay(receiver)).await??;
    drop(sender); // it has to outlive the readers
    if !job.held {
        std::fs::remove_file(job.path())?;
    }
    Ok(Figures { write: wrote, replay: replayed, read })
}

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let version = format!("lance-datafusion 14.0.2, arrow-rs {}", arrow::ARROW_VERSION);
    common::measure(&version, |job| runtime.block_on(run(job.clone())))
}

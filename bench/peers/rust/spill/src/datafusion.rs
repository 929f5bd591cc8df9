// SPDX-License-Identifier: Apache-2.0
// DataFusion: a spill file of its SpillManager, appended to batch by batch and read as its operators read it.
#[path = "../../common.rs"]
mod common;

use common::{Clock, Cost, Figures, Job, Outcome, Totals};
use datafusion_execution::disk_manager::RefCountedTempFile;
use datafusion_execution::runtime_env::RuntimeEnvBuilder;
use datafusion_physical_plan::metrics::{ExecutionPlanMetricsSet, SpillMetrics};
use datafusion_physical_plan::SpillManager;
use futures::StreamExt;
use std::sync::Arc;

fn manager(job: &Job) -> Outcome<SpillManager> {
    let environment = RuntimeEnvBuilder::new().with_temp_file_path(&job.directory).build_arc()?;
    let metrics = SpillMetrics::new(&ExecutionPlanMetricsSet::new(), 0);
    Ok(SpillManager::new(environment, metrics, job.schema.clone()))
}

fn write(job: &Job, manager: &SpillManager) -> Outcome<(Cost, RefCountedTempFile)> {
    let clock = Clock::start();
    let mut file = manager.create_in_progress_file("peer")?;
    for index in 0..job.count {
        file.append_batch(&job.batch(index))?;
    }
    let file = file.finish()?.ok_or("nothing was spilled")?;
    Ok((clock.stop(), file))
}

async fn replay(manager: SpillManager, file: RefCountedTempFile) -> Outcome<(Cost, Totals)> {
    let clock = Clock::start();
    let mut totals = Totals::default();
    let mut stream = manager.read_spill_as_stream(file, None)?;
    while let Some(batch) = stream.next().await {
        totals.add(&batch?);
    }
    Ok((clock.stop(), totals))
}

async fn run(job: Arc<Job>) -> Outcome<Figures> {
    let manager = manager(&job)?;
    let (wrote, file) = write(&job, &manager)?;
    let (replayed, read) = tokio::spawn(replay(manager, file)).await??;
    Ok(Figures { write: wrote, replay: replayed, read })
}

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let version = format!("datafusion-physical-plan 54.1.0, arrow-rs {}", arrow::ARROW_VERSION);
    common::measure(&version, |job| runtime.block_on(run(job.clone())))
}

// SPDX-License-Identifier: Apache-2.0
// arrow-rs alone: a file written by StreamWriter and read by StreamReader, on one thread, with no spool around it.
#[path = "../../common.rs"]
mod common;

use arrow::ipc::{reader::StreamReader, writer::StreamWriter};
use common::{Clock, Cost, Figures, Job, Outcome, Totals};
use std::fs::File;
use std::io::{BufReader, BufWriter};

fn write(job: &Job) -> Outcome<Cost> {
    let clock = Clock::start();
    let file = BufWriter::new(File::create_new(job.path())?);
    let mut writer = StreamWriter::try_new(file, &job.schema)?;
    for index in 0..job.count {
        writer.write(&job.batch(index))?;
    }
    writer.finish()?;
    Ok(clock.stop())
}

fn replay(job: &Job) -> Outcome<(Cost, Totals)> {
    let clock = Clock::start();
    let mut totals = Totals::default();
    for batch in StreamReader::try_new(BufReader::new(File::open(job.path())?), None)? {
        totals.add(&batch?);
    }
    Ok((clock.stop(), totals))
}

fn run(job: &Job) -> Outcome<Figures> {
    let wrote = write(job)?;
    let (replayed, read) = replay(job)?;
    std::fs::remove_file(job.path())?;
    Ok(Figures { write: wrote, replay: replayed, read })
}

fn main() -> Outcome<()> {
    common::measure(&format!("arrow-rs {}", arrow::ARROW_VERSION), |job| run(job))
}

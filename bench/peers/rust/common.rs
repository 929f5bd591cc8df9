// SPDX-License-Identifier: Apache-2.0
// What the programs in Rust share: arguments, the data, the sums of what is read, time, the line of JSON at the end.
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use arrow::ipc::reader::StreamReader;
use std::error::Error;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const WARM_UP: usize = 64;

/// One run: `count` batches, the loaded ones again from the first after the last.
#[derive(Clone)]
pub struct Job {
    pub schema: SchemaRef,
    pub loaded: Vec<RecordBatch>,
    pub count: usize,
    #[allow(dead_code)] // some have no other mode
    pub held: bool,
    pub directory: PathBuf,
}

impl Job {
    pub fn batch(&self, index: usize) -> RecordBatch {
        self.loaded[index % self.loaded.len()].clone()
    }

    /// A file that is not there yet.
    #[allow(dead_code)]
    pub fn path(&self) -> PathBuf {
        self.directory.join(format!("respool-peer-{}-{}.arrows", std::process::id(), self.count))
    }
}

/// What was read.
#[derive(Default)]
pub struct Totals {
    pub rows: usize,
    pub sum: u64,
}

impl Totals {
    pub fn add(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows();
        for column in batch.columns() {
            self.sum = self.sum.wrapping_add(sum_array(column.as_ref()));
        }
    }
}

/// Every word of 8 bytes, the last filled up with zeros.
fn sum_bytes(bytes: &[u8]) -> u64 {
    let mut sums = [0u64; 8];
    let blocks = bytes.chunks_exact(64);
    let rest = blocks.remainder();
    for block in blocks {
        for (sum, word) in sums.iter_mut().zip(block.chunks_exact(8)) {
            *sum = sum.wrapping_add(u64::from_le_bytes(word.try_into().unwrap()));
        }
    }
    for word in rest.chunks(8) {
        let mut filled = [0u8; 8];
        filled[..word.len()].copy_from_slice(word);
        sums[0] = sums[0].wrapping_add(u64::from_le_bytes(filled));
    }
    sums.iter().fold(0, |all, sum| all.wrapping_add(*sum))
}

fn sum_array(array: &dyn Array) -> u64 {
    match array.data_type() {
        DataType::Int64 => sum_bytes(array.as_primitive::<Int64Type>().values().inner()),
        DataType::Utf8 => {
            let strings = array.as_string::<i32>();
            sum_bytes(strings.offsets().inner().inner()).wrapping_add(sum_bytes(strings.values()))
        }
        _ => sum_data(&array.to_data()),
    }
}

fn sum_data(data: &arrow::array::ArrayData) -> u64 {
    let own = data.buffers().iter().map(|buffer| sum_bytes(buffer));
    own.chain(data.child_data().iter().map(sum_data)).fold(0, |all, sum| all.wrapping_add(sum))
}

/// Seconds, and seconds of processor time of all threads.
#[derive(Clone, Copy, Default)]
pub struct Cost {
    pub seconds: f64,
    pub cpu: f64,
}

pub struct Clock {
    start: Instant,
    cpu: f64,
}

impl Clock {
    pub fn start() -> Self {
        Clock { cpu: cpu_seconds(), start: Instant::now() }
    }

    pub fn stop(self) -> Cost {
        Cost { seconds: self.start.elapsed().as_secs_f64(), cpu: cpu_seconds() - self.cpu }
    }
}

fn cpu_seconds() -> f64 {
    let mut used = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    let used = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, used.as_mut_ptr());
        used.assume_init()
    };
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    seconds(used.ru_utime) + seconds(used.ru_stime)
}

fn peak_kib() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

pub struct Figures {
    pub write: Cost,
    pub replay: Cost,
    pub read: Totals,
}

fn job() -> Outcome<Job> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, _, count, mode, directory, input] = arguments.as_slice() else {
        return Err("usage: PROGRAM WORKLOAD BATCHES spilled|held DIRECTORY INPUT".into());
    };
    let reader = StreamReader::try_new(BufReader::new(File::open(input)?), None)?;
    let schema = reader.schema();
    let loaded = reader.collect::<Result<Vec<_>, _>>()?;
    Ok(Job { schema, loaded, count: count.parse()?, held: mode == "held", directory: directory.into() })
}

/// Run a few batches, so that everything is there that is made once; then all of them, and print the figures.
pub fn measure(version: &str, run: impl Fn(&Arc<Job>) -> Outcome<Figures>) -> Outcome<()> {
    let job = Arc::new(job()?);
    run(&Arc::new(Job { count: job.count.min(WARM_UP), ..Job::clone(&job) }))?;
    let Figures { write, replay, read } = run(&job)?;
    println!(
        "{{\"version\": \"{version}\", \"write\": {:.9}, \"replay\": {:.9}, \"write_cpu\": {:.6}, \
         \"replay_cpu\": {:.6}, \"rows\": {}, \"sum\": \"{:016x}\", \"peak_kib\": {}}}",
        write.seconds, replay.seconds, write.cpu, replay.cpu, read.rows, read.sum, peak_kib()?
    );
    Ok(())
}

// SPDX-License-Identifier: Apache-2.0
// The peer arrow-rs: answers requests on standard input, one line each, with one line (see ../peer.py).

mod text;

use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions, StreamWriter};
use arrow_ipc::CompressionType;
use arrow_schema::{ArrowError, SchemaRef};
use std::fs::File;
use std::io::{BufRead, Write};
use std::panic::{catch_unwind, AssertUnwindSafe};

fn read(path: &str) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    let reader = StreamReader::try_new_buffered(File::open(path)?, None)?;
    let schema = reader.schema();
    Ok((schema, reader.collect::<Result<_, _>>()?))
}

fn options(how: &str) -> Result<IpcWriteOptions, ArrowError> {
    let options = IpcWriteOptions::default();
    match how {
        "lz4" => options.try_with_compression(Some(CompressionType::LZ4_FRAME)),
        "zstd" => options.try_with_compression(Some(CompressionType::ZSTD)),
        "deltas" => Ok(options.with_dictionary_handling(DictionaryHandling::Delta)),
        _ => Ok(options),
    }
}

// All batches, or a slice of each that has three rows.
fn rewrite(from: &str, to: &str, how: &str, sliced: bool) -> Result<String, ArrowError> {
    let (schema, mut batches) = read(from)?;
    if sliced {
        batches.retain(|batch| batch.num_rows() > 2);
        batches.iter_mut().for_each(|batch| *batch = batch.slice(1, batch.num_rows() - 2));
    }
    let file = File::create(to)?;
    if how == "file" {
        let mut writer = FileWriter::try_new_with_options(file, &schema, options(how)?)?;
        batches.iter().try_for_each(|batch| writer.write(batch))?;
        writer.finish()?;
    } else {
        let mut writer = StreamWriter::try_new_with_options(file, &schema, options(how)?)?;
        batches.iter().try_for_each(|batch| writer.write(batch))?;
        writer.finish()?;
    }
    Ok("{}".to_string())
}

fn answer(request: &[&str]) -> Result<String, ArrowError> {
    match request {
        ["read", path] => {
            let (schema, batches) = read(path)?;
            text::content(&schema, &batches)
        }
        ["rewrite", from, to, how, part] => rewrite(from, to, how, *part == "slices"),
        _ => Err(ArrowError::InvalidArgumentError(format!("{request:?}"))),
    }
}

fn panic_text(cause: Box<dyn std::any::Any + Send>) -> String {
    let text = cause.downcast_ref::<String>().cloned();
    format!("panic: {}", text.or(cause.downcast_ref::<&str>().map(|text| text.to_string())).unwrap_or_default())
}

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let request: Vec<&str> = line.split('\t').collect();
        let result = catch_unwind(AssertUnwindSafe(|| answer(&request).map_err(|error| error.to_string())));
        let reply = match result.unwrap_or_else(|cause| Err(panic_text(cause))) {
            Ok(reply) => reply,
            Err(error) => format!("{{\"error\":{}}}", text::quoted(&error)),
        };
        println!("{reply}");
        std::io::stdout().flush().unwrap();
    }
}

// SPDX-License-Identifier: Apache-2.0
// The neutral text form of a stream's content, as ../dump.py describes it.

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, RecordBatch, UnionArray};
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{ArrowError, DataType, IntervalUnit, Schema, TimeUnit};

pub fn quoted(text: &str) -> String {
    let mut result = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => result.extend(['\\', letter]),
            _ if (letter as u32) < 0x20 => result += &format!("\\u{:04x}", letter as u32),
            _ => result.push(letter),
        }
    }
    result + "\""
}

fn listed(parts: impl Iterator<Item = String>) -> String {
    format!("[{}]", parts.collect::<Vec<_>>().join(","))
}

fn metadata<'a>(pairs: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let pairs: Vec<_> = pairs.into_iter().map(|(key, value)| format!("{}:{}", quoted(key), quoted(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

fn field(schema: &FFI_ArrowSchema, name: &str) -> Result<String, ArrowError> {
    let dictionary = schema.dictionary().map(|inner| field(inner, "")).transpose()?;
    let children = schema.children().map(|child| field(child, child.name().unwrap_or("")));
    Ok(format!(
        "{{\"name\":{},\"format\":{},\"flags\":{},\"metadata\":{},\"children\":{},\"dictionary\":{}}}",
        quoted(name),
        quoted(schema.format()),
        schema.flags().unwrap().bits(),
        metadata(&schema.metadata()?),
        listed(children.collect::<Result<Vec<_>, _>>()?.into_iter()),
        dictionary.unwrap_or("null".to_string())
    ))
}

pub fn content(schema: &Schema, batches: &[RecordBatch]) -> Result<String, ArrowError> {
    let fields = schema.fields().iter().map(|one| field(&FFI_ArrowSchema::try_from(one.as_ref())?, one.name()));
    let batches = batches.iter().map(|batch| {
        let columns = batch.columns().iter().map(|column| values(column.as_ref(), 0, column.len()));
        listed(std::iter::once(batch.num_rows().to_string()).chain(columns))
    });
    Ok(format!(
        "{{\"fields\":{},\"metadata\":{},\"batches\":{}}}",
        listed(fields.collect::<Result<Vec<_>, _>>()?.into_iter()),
        metadata(schema.metadata()),
        listed(batches)
    ))
}

fn values(array: &dyn Array, start: usize, count: usize) -> String {
    listed((start..start + count).map(|slot| value(array, slot)))
}

fn hexadecimal(bytes: &[u8]) -> String {
    quoted(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

// A value of a type that arrow-rs keeps as one number.
macro_rules! number {
    ($array:expr, $slot:expr, $kind:ty) => {
        quoted(&$array.as_primitive::<$kind>().value($slot).to_string())
    };
}

macro_rules! by_unit {
    ($unit:expr, $array:expr, $slot:expr, $s:ty, $ms:ty, $us:ty, $ns:ty) => {
        match $unit {
            TimeUnit::Second => number!($array, $slot, $s),
            TimeUnit::Millisecond => number!($array, $slot, $ms),
            TimeUnit::Microsecond => number!($array, $slot, $us),
            TimeUnit::Nanosecond => number!($array, $slot, $ns),
        }
    };
}

fn interval(array: &dyn Array, slot: usize, unit: &IntervalUnit) -> String {
    match unit {
        IntervalUnit::YearMonth => number!(array, slot, IntervalYearMonthType),
        IntervalUnit::DayTime => {
            let value = array.as_primitive::<IntervalDayTimeType>().value(slot);
            quoted(&format!("{},{}", value.days, value.milliseconds))
        }
        IntervalUnit::MonthDayNano => {
            let value = array.as_primitive::<IntervalMonthDayNanoType>().value(slot);
            quoted(&format!("{},{},{}", value.months, value.days, value.nanoseconds))
        }
    }
}

fn union_value(array: &UnionArray, slot: usize) -> String {
    let code = array.type_id(slot);
    format!("[{},{}]", code, value(array.child(code).as_ref(), array.value_offset(slot)))
}

fn dictionary_value(array: &dyn Array, slot: usize, index: &DataType) -> String {
    let dictionary = array.as_any_dictionary();
    let keys = dictionary.keys();
    let key = match index {
        DataType::Int8 => keys.as_primitive::<Int8Type>().value(slot) as usize,
        DataType::Int16 => keys.as_primitive::<Int16Type>().value(slot) as usize,
        DataType::Int32 => keys.as_primitive::<Int32Type>().value(slot) as usize,
        DataType::Int64 => keys.as_primitive::<Int64Type>().value(slot) as usize,
        DataType::UInt8 => keys.as_primitive::<UInt8Type>().value(slot) as usize,
        DataType::UInt16 => keys.as_primitive::<UInt16Type>().value(slot) as usize,
        DataType::UInt32 => keys.as_primitive::<UInt32Type>().value(slot) as usize,
        _ => keys.as_primitive::<UInt64Type>().value(slot) as usize,
    };
    value(dictionary.values().as_ref(), key)
}

fn run_value(array: &dyn Array, slot: usize, ends: &DataType) -> String {
    macro_rules! at {
        ($kind:ty) => {{
            let runs = array.as_run::<$kind>();
            value(runs.values().as_ref(), runs.get_physical_index(slot))
        }};
    }
    match ends {
        DataType::Int16 => at!(Int16Type),
        DataType::Int32 => at!(Int32Type),
        _ => at!(Int64Type),
    }
}

fn nested_value(array: &dyn Array, slot: usize) -> String {
    let all = |part: arrow_array::ArrayRef| values(part.as_ref(), 0, part.len());
    match array.data_type() {
        DataType::List(_) => all(array.as_list::<i32>().value(slot)),
        DataType::LargeList(_) => all(array.as_list::<i64>().value(slot)),
        DataType::FixedSizeList(_, _) => all(array.as_fixed_size_list().value(slot)),
        DataType::ListView(_) => all(array.as_list_view::<i32>().value(slot)),
        DataType::LargeListView(_) => all(array.as_list_view::<i64>().value(slot)),
        DataType::Map(_, _) => {
            let entries = array.as_map().value(slot);
            values(&entries, 0, entries.len())
        }
        DataType::Struct(_) => listed(array.as_struct().columns().iter().map(|column| value(column.as_ref(), slot))),
        DataType::Union(_, _) => union_value(array.as_union(), slot),
        DataType::Dictionary(index, _) => dictionary_value(array, slot, index),
        DataType::RunEndEncoded(ends, _) => run_value(array, slot, ends.data_type()),
        other => panic!("a type not known to this peer: {other}"),
    }
}

fn value(array: &dyn Array, slot: usize) -> String {
    use DataType::*;
    if array.data_type() == &Null || array.is_null(slot) {
        return "null".to_string();
    }
    match array.data_type() {
        Boolean => array.as_boolean().value(slot).to_string(),
        Int8 => number!(array, slot, Int8Type),
        Int16 => number!(array, slot, Int16Type),
        Int32 => number!(array, slot, Int32Type),
        Int64 => number!(array, slot, Int64Type),
        UInt8 => number!(array, slot, UInt8Type),
        UInt16 => number!(array, slot, UInt16Type),
        UInt32 => number!(array, slot, UInt32Type),
        UInt64 => number!(array, slot, UInt64Type),
        Float16 => format!("\"{:04x}\"", array.as_primitive::<Float16Type>().value(slot).to_bits()),
        Float32 => format!("\"{:08x}\"", array.as_primitive::<Float32Type>().value(slot).to_bits()),
        Float64 => format!("\"{:016x}\"", array.as_primitive::<Float64Type>().value(slot).to_bits()),
        Decimal32(_, _) => number!(array, slot, Decimal32Type),
        Decimal64(_, _) => number!(array, slot, Decimal64Type),
        Decimal128(_, _) => number!(array, slot, Decimal128Type),
        Decimal256(_, _) => number!(array, slot, Decimal256Type),
        Date32 => number!(array, slot, Date32Type),
        Date64 => number!(array, slot, Date64Type),
        Time32(TimeUnit::Second) => number!(array, slot, Time32SecondType),
        Time32(_) => number!(array, slot, Time32MillisecondType),
        Time64(TimeUnit::Microsecond) => number!(array, slot, Time64MicrosecondType),
        Time64(_) => number!(array, slot, Time64NanosecondType),
        Timestamp(unit, _) => by_unit!(
            unit,
            array,
            slot,
            TimestampSecondType,
            TimestampMillisecondType,
            TimestampMicrosecondType,
            TimestampNanosecondType
        ),
        Duration(unit) => by_unit!(
            unit,
            array,
            slot,
            DurationSecondType,
            DurationMillisecondType,
            DurationMicrosecondType,
            DurationNanosecondType
        ),
        Interval(unit) => interval(array, slot, unit),
        Binary => hexadecimal(array.as_binary::<i32>().value(slot)),
        LargeBinary => hexadecimal(array.as_binary::<i64>().value(slot)),
        BinaryView => hexadecimal(array.as_binary_view().value(slot)),
        FixedSizeBinary(_) => hexadecimal(array.as_fixed_size_binary().value(slot)),
        Utf8 => quoted(array.as_string::<i32>().value(slot)),
        LargeUtf8 => quoted(array.as_string::<i64>().value(slot)),
        Utf8View => quoted(array.as_string_view().value(slot)),
        _ => nested_value(array, slot),
    }
}

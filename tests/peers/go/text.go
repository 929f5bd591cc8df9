// SPDX-License-Identifier: Apache-2.0

package main

// The neutral text form of a stream's content, as ../dump.py describes it.

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

const (
	flagOrdered    = 1
	flagNullable   = 2
	flagKeysSorted = 4
)

func metadataText(metadata arrow.Metadata) map[string]string { return metadata.ToMap() }

var formats = map[arrow.Type]string{
	arrow.NULL: "n", arrow.BOOL: "b",
	arrow.INT8: "c", arrow.INT16: "s", arrow.INT32: "i", arrow.INT64: "l",
	arrow.UINT8: "C", arrow.UINT16: "S", arrow.UINT32: "I", arrow.UINT64: "L",
	arrow.FLOAT16: "e", arrow.FLOAT32: "f", arrow.FLOAT64: "g",
	arrow.BINARY: "z", arrow.LARGE_BINARY: "Z", arrow.BINARY_VIEW: "vz",
	arrow.STRING: "u", arrow.LARGE_STRING: "U", arrow.STRING_VIEW: "vu",
	arrow.DATE32: "tdD", arrow.DATE64: "tdm",
	arrow.INTERVAL_MONTHS: "tiM", arrow.INTERVAL_DAY_TIME: "tiD", arrow.INTERVAL_MONTH_DAY_NANO: "tin",
	arrow.LIST: "+l", arrow.LARGE_LIST: "+L", arrow.LIST_VIEW: "+vl", arrow.LARGE_LIST_VIEW: "+vL",
	arrow.STRUCT: "+s", arrow.MAP: "+m", arrow.RUN_END_ENCODED: "+r",
}

var decimalWidths = map[arrow.Type]string{arrow.DECIMAL32: ",32", arrow.DECIMAL64: ",64", arrow.DECIMAL256: ",256"}

func timeFormat(prefix string, unit arrow.TimeUnit) string {
	return prefix + map[arrow.TimeUnit]string{
		arrow.Second: "s", arrow.Millisecond: "m", arrow.Microsecond: "u", arrow.Nanosecond: "n"}[unit]
}

func unionFormat(kind arrow.UnionType) string {
	codes := make([]string, len(kind.TypeCodes()))
	for place, code := range kind.TypeCodes() {
		codes[place] = strconv.Itoa(int(code))
	}
	letter := "s"
	if kind.Mode() == arrow.DenseMode {
		letter = "d"
	}
	return "+u" + letter + ":" + strings.Join(codes, ",")
}

func format(kind arrow.DataType) string {
	switch kind := kind.(type) {
	case *arrow.FixedSizeBinaryType:
		return fmt.Sprintf("w:%d", kind.ByteWidth)
	case arrow.DecimalType:
		return fmt.Sprintf("d:%d,%d%s", kind.GetPrecision(), kind.GetScale(), decimalWidths[kind.ID()])
	case *arrow.Time32Type:
		return timeFormat("tt", kind.Unit)
	case *arrow.Time64Type:
		return timeFormat("tt", kind.Unit)
	case *arrow.TimestampType:
		return timeFormat("ts", kind.Unit) + ":" + kind.TimeZone
	case *arrow.DurationType:
		return timeFormat("tD", kind.Unit)
	case *arrow.FixedSizeListType:
		return fmt.Sprintf("+w:%d", kind.Len())
	case arrow.UnionType:
		return unionFormat(kind)
	case *arrow.DictionaryType:
		return format(kind.IndexType)
	}
	if text, ok := formats[kind.ID()]; ok {
		return text
	}
	panic("a type not known to this peer: " + kind.String())
}

func childrenText(kind arrow.DataType) []any {
	result := []any{}
	if nested, ok := kind.(arrow.NestedType); ok {
		for _, field := range nested.Fields() {
			result = append(result, fieldText(field))
		}
	}
	return result
}

func fieldText(field arrow.Field) map[string]any {
	flags := 0
	if field.Nullable {
		flags |= flagNullable
	}
	if kind, ok := field.Type.(*arrow.MapType); ok && kind.KeysSorted {
		flags |= flagKeysSorted
	}
	var dictionary any
	if kind, ok := field.Type.(*arrow.DictionaryType); ok {
		if kind.Ordered {
			flags |= flagOrdered
		}
		dictionary = fieldText(arrow.Field{Type: kind.ValueType, Nullable: true})
	}
	return map[string]any{"name": field.Name, "format": format(field.Type), "flags": flags,
		"metadata": metadataText(field.Metadata), "children": childrenText(field.Type), "dictionary": dictionary}
}

func content(schema *arrow.Schema, batches []arrow.RecordBatch) map[string]any {
	fields, texts := []any{}, []any{}
	for _, field := range schema.Fields() {
		fields = append(fields, fieldText(field))
	}
	for _, batch := range batches {
		text := []any{batch.NumRows()}
		for _, column := range batch.Columns() {
			text = append(text, values(column, 0, column.Len()))
		}
		texts = append(texts, text)
	}
	return map[string]any{"fields": fields, "metadata": metadataText(schema.Metadata()), "batches": texts}
}

func values(column arrow.Array, start, end int) []any {
	result := []any{}
	for slot := start; slot < end; slot++ {
		result = append(result, value(column, slot))
	}
	return result
}

func integer[T ~int8 | ~int16 | ~int32 | ~int64](number T) string {
	return strconv.FormatInt(int64(number), 10)
}

func natural[T ~uint8 | ~uint16 | ~uint32 | ~uint64](number T) string {
	return strconv.FormatUint(uint64(number), 10)
}

func structValue(column *array.Struct, slot int) []any {
	result := []any{}
	for place := 0; place < column.NumField(); place++ {
		result = append(result, value(column.Field(place), slot))
	}
	return result
}

func nestedValue(column arrow.Array, slot int) any {
	switch column := column.(type) {
	case *array.Struct:
		return structValue(column, slot)
	case array.ListLike:
		start, end := column.ValueOffsets(slot)
		return values(column.ListValues(), int(start), int(end))
	case *array.SparseUnion:
		return []any{column.TypeCode(slot), value(column.Field(column.ChildID(slot)), slot)}
	case *array.DenseUnion:
		return []any{column.TypeCode(slot), value(column.Field(column.ChildID(slot)), int(column.ValueOffset(slot)))}
	case *array.Dictionary:
		return value(column.Dictionary(), column.GetValueIndex(slot))
	case *array.RunEndEncoded:
		return value(column.Values(), column.GetPhysicalIndex(slot))
	}
	panic("a type not known to this peer: " + column.DataType().String())
}

func temporalValue(column arrow.Array, slot int) any {
	switch column := column.(type) {
	case *array.Date32:
		return integer(column.Value(slot))
	case *array.Date64:
		return integer(column.Value(slot))
	case *array.Time32:
		return integer(column.Value(slot))
	case *array.Time64:
		return integer(column.Value(slot))
	case *array.Timestamp:
		return integer(column.Value(slot))
	case *array.Duration:
		return integer(column.Value(slot))
	case *array.MonthInterval:
		return integer(column.Value(slot))
	case *array.DayTimeInterval:
		interval := column.Value(slot)
		return fmt.Sprintf("%d,%d", interval.Days, interval.Milliseconds)
	case *array.MonthDayNanoInterval:
		interval := column.Value(slot)
		return fmt.Sprintf("%d,%d,%d", interval.Months, interval.Days, interval.Nanoseconds)
	}
	return nestedValue(column, slot)
}

func value(column arrow.Array, slot int) any {
	if column.IsNull(slot) {
		return nil
	}
	switch column := column.(type) {
	case *array.Null:
		return nil
	case *array.Boolean:
		return column.Value(slot)
	case *array.Int8:
		return integer(column.Value(slot))
	case *array.Int16:
		return integer(column.Value(slot))
	case *array.Int32:
		return integer(column.Value(slot))
	case *array.Int64:
		return integer(column.Value(slot))
	case *array.Uint8:
		return natural(column.Value(slot))
	case *array.Uint16:
		return natural(column.Value(slot))
	case *array.Uint32:
		return natural(column.Value(slot))
	case *array.Uint64:
		return natural(column.Value(slot))
	case *array.Float16:
		return fmt.Sprintf("%04x", column.Value(slot).Uint16())
	case *array.Float32:
		return fmt.Sprintf("%08x", math.Float32bits(column.Value(slot)))
	case *array.Float64:
		return fmt.Sprintf("%016x", math.Float64bits(column.Value(slot)))
	case *array.Decimal32:
		return integer(int32(column.Value(slot)))
	case *array.Decimal64:
		return integer(int64(column.Value(slot)))
	case *array.Decimal128:
		return column.Value(slot).BigInt().String()
	case *array.Decimal256:
		return column.Value(slot).BigInt().String()
	case *array.Binary:
		return hex.EncodeToString(column.Value(slot))
	case *array.LargeBinary:
		return hex.EncodeToString(column.Value(slot))
	case *array.BinaryView:
		return hex.EncodeToString(column.Value(slot))
	case *array.FixedSizeBinary:
		return hex.EncodeToString(column.Value(slot))
	case *array.String:
		return column.Value(slot)
	case *array.LargeString:
		return column.Value(slot)
	case *array.StringView:
		return column.Value(slot)
	}
	return temporalValue(column, slot)
}

/// Parses what stands between the brackets of a JSON array: each element, an object, is a record. Elements count as
/// lines, from 1, for the answers of an API are one line mostly.
///
/// The array must have been scanned as a whole before: behind an element that is malformed, no other is found.
package final class JSONItemsParser: RecordParser {
    private let records: NDJSONParser
    private let maxBytes: Int

    /// - Parameter maxBytes: the longest element that is taken.
    package init(_ mapping: SourceMapping, maxBytes: Int) {
        records = NDJSONParser(mapping)
        self.maxBytes = maxBytes
    }

    package func begin(_ batch: inout EventBatch, objectIdentity: String) {
        records.begin(&batch, objectIdentity: objectIdentity)
    }

    /// - Parameter bytes: to the end of the array; what is unfinished is malformed.
    package func parse(
        _ bytes: UnsafeBufferPointer<UInt8>, then _: Continuation, into batch: inout EventBatch
    ) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        var start = 0
        while start < bytes.count, !batch.isFull {
            let read = batch.read
            let next = records.parseItem(base, start, bytes.count, maxBytes: maxBytes, &batch)
            batch.range.end += Int64(next - start)
            // Behind the last element white space may stand, which is none.
            if batch.read > read { batch.range.endLine += 1 }
            start = next
        }
        return start
    }
}

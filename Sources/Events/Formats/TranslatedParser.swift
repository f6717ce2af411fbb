/// Parses a format by its translator: cuts chunks, has them turned into JSON objects, and maps these as records. Blank
/// chunks are records that yield nothing.
package final class TranslatedParser: RecordParser {
    private var translator: any RecordTranslator
    private let records: NDJSONParser
    private var translated = TranslatedRecords()

    package init(_ mapping: SourceMapping, _ translator: any RecordTranslator) {
        self.translator = translator
        records = NDJSONParser(mapping)
    }

    package var recordEnd: [UInt8] { translator.chunkEnd }

    package func begin(_ batch: inout EventBatch, objectIdentity: String) {
        records.begin(&batch, objectIdentity: objectIdentity)
    }

    package func parse(
        _ bytes: UnsafeBufferPointer<UInt8>, then continuation: Continuation, into batch: inout EventBatch
    ) -> Int {
        var start = 0
        if batch.range.end == 0, bytes.starts(with: byteOrderMark) {
            start = byteOrderMark.count
            batch.range.end = Int64(start)
        }
        while start < bytes.count, !batch.isFull {
            let next: Int
            switch translator.frame(bytes, from: start, then: continuation) {
            case .unfinished: return start
            case .nothing(let place): next = place
            case .broken(let range, let place, let code, let reason):
                let stands = self.place(of: range.lowerBound, from: start, bytes, batch)
                batch.reject(
                    UnsafeBufferPointer(rebasing: bytes[range]), line: stands.line, position: stands.position,
                    code: code, reason: reason)
                next = place
            case .chunk(let range, let place):
                map(
                    UnsafeBufferPointer(rebasing: bytes[range]), at: range.lowerBound, from: start, bytes,
                    &batch)
                next = place
            }
            batch.range.endLine += bytes.newlines(in: start..<next)
            batch.range.end += Int64(next - start)
            start = next
        }
        return start
    }

    private func map(
        _ chunk: UnsafeBufferPointer<UInt8>, at offset: Int, from start: Int,
        _ bytes: UnsafeBufferPointer<UInt8>, _ batch: inout EventBatch
    ) {
        guard chunk.contains(where: { $0 > 0x20 }) else {
            batch.filtered += 1
            return
        }
        func reject(_ code: RejectCode, _ reason: String) {
            let place = self.place(of: offset, from: start, bytes, batch)
            batch.reject(chunk, line: place.line, position: place.position, code: code, reason: reason)
        }
        if let invalid = firstInvalidUTF8(chunk) {
            return reject(.invalidUTF8, "column \(invalid + 1): these bytes are not UTF-8")
        }
        if let zero = chunk.firstIndex(of: 0) {
            return reject(
                .nulCharacter, "column \(zero + 1): a zero byte is a character that PostgreSQL cannot store")
        }
        translated.removeAll()
        translator.translate(chunk, into: &translated)
        for record in translated.records {
            let place = self.place(of: offset + record.range.lowerBound, from: start, bytes, batch)
            let raw = UnsafeBufferPointer(rebasing: chunk[record.range])
            if let problem = record.problem {
                batch.reject(
                    raw, line: place.line, position: place.position, code: problem.code,
                    reason: problem.reason)
            } else {
                records.parseTranslated(
                    translated.json.bytes(of: record.object), of: raw, line: place.line,
                    position: place.position,
                    &batch)
            }
        }
    }

    /// Where the byte at `offset` stands, while the batch ends at `start`.
    private func place(
        of offset: Int, from start: Int, _ bytes: UnsafeBufferPointer<UInt8>, _ batch: borrowing EventBatch
    ) -> (line: Int64, position: Int64) {
        (
            batch.range.endLine + bytes.newlines(in: start..<offset),
            batch.range.end + Int64(offset - start)
        )
    }
}

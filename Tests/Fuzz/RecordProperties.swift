import Events

/// What must hold of the records of an object, however it was cut.
enum RecordProperties {
    /// What the warehouse relies on: places, texts that PostgreSQL stores, details that jsonb reads.
    static func check(_ batch: borrowing EventBatch, of object: ArraySlice<UInt8>) throws(Violation) {
        guard batch.read == batch.events.count + batch.rejects.count + batch.filtered else {
            throw Violation("\(batch.read) read is not the sum of its parts")
        }
        var lastPosition: Int64 = -1
        for event in batch.events {
            guard event.position >= lastPosition else { throw Violation("positions go back") }
            lastPosition = event.position
            guard !event.caseID.isAbsent, !event.eventID.isAbsent, !event.type.isAbsent else {
                throw Violation("the event at \(event.position) lacks its case, id or type")
            }
            guard event.caseID.count + event.eventID.count <= 2_500 else {
                throw Violation("the key at \(event.position) is too long for an index")
            }
            for slice in [
                event.entity, event.caseID, event.eventID, event.type, event.service, event.userID,
                event.correlationID, event.details,
            ] where !slice.isAbsent {
                guard Int(slice.offset) + Int(slice.count) <= batch.arena.count else {
                    throw Violation("a text of the event at \(event.position) is outside the arena")
                }
                let text = batch.arena.bytes(of: slice)
                guard isUTF8(text), !text.contains(0) else {
                    throw Violation(
                        "a text of the event at \(event.position) cannot be stored: \(shown(text))")
                }
            }
            if !event.details.isAbsent {
                try checkDetails(batch.arena.bytes(of: event.details), event.position)
            }
        }
        lastPosition = -1
        for reject in batch.rejects {
            guard reject.position >= lastPosition else { throw Violation("positions of rejects go back") }
            lastPosition = reject.position
            let start = object.startIndex + Int(reject.position)
            let line = Int64(object[..<start].count { $0 == 0x0A }) + 1
            guard reject.line == line else {
                throw Violation("the reject at \(reject.position) is on line \(line), not \(reject.line)")
            }
            let raw = batch.arena.bytes(of: reject.raw)
            let isMarked = start == object.startIndex && object.starts(with: byteOrderMark)
            guard
                object[start...].starts(with: raw)
                    || isMarked && object.dropFirst(byteOrderMark.count).starts(with: raw)
            else { throw Violation("the reject at \(reject.position) holds other bytes: \(shown(raw))") }
            guard !reject.reason.isEmpty, !reject.reason.utf8.contains(0) else {
                throw Violation("the reason at \(reject.position) cannot be stored")
            }
        }
    }

    /// Each record of a whole object is accounted for once.
    static func check(_ whole: Parse, of object: ArraySlice<UInt8>, _ source: FuzzSource) throws(Violation) {
        for position in (whole.events + whole.rejects).map(\.position) {
            let place = object.startIndex + Int(position)
            guard place == object.startIndex || object[place - 1] == 0x0A else {
                throw Violation("a record begins at \(position), inside a line")
            }
        }
        let positions = Set((whole.events + whole.rejects).map(\.position))
        let lines = object.split(separator: 0x0A, omittingEmptySubsequences: false)
        let lineCount = lines.count - (object.isEmpty || object.last == 0x0A ? 1 : 0)
        let records = positions.count + whole.filtered
        guard source.format == .csv ? records <= lineCount : records == lineCount else {
            throw Violation("\(records) records of \(lineCount) lines")
        }
        guard whole.read <= records * source.mapping.events.count else {
            throw Violation("\(whole.read) read of \(records) records")
        }
        guard source.format == .ndjson, !source.mapping.isList else { return }
        let blank = lines.prefix(lineCount).enumerated().count { index, line in
            let content = index == 0 && line.starts(with: byteOrderMark) ? line.dropFirst(3) : line
            return content.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
        }
        guard whole.filtered == blank else {
            throw Violation("\(whole.filtered) records yield nothing, but \(blank) lines are blank")
        }
    }

    private static func checkDetails(
        _ details: UnsafeBufferPointer<UInt8>, _ position: Int64
    ) throws(Violation) {
        guard let base = details.baseAddress else { throw Violation("the details at \(position) are empty") }
        var scanner = JSONScanner(base, from: 0, to: details.count)
        var problem: String?
        do throws(JSONError) {
            _ = try scanner.scanValue()
            try scanner.expectEnd()
            problem = scanner.hazard.map { "\($0)" }
        } catch {
            problem = "\(error.problem) at \(error.offset)"
        }
        if let problem {
            throw Violation(
                "the details at \(position) are no value of jsonb: \(problem) in \(shown(details))")
        }
    }

    /// By the standard library's decoder, not by ours.
    private static func isUTF8(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        if bytes.allSatisfy({ $0 < 0x80 }) { return true }
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        while true {
            switch decoder.decode(&iterator) {
            case .scalarValue: continue
            case .emptyInput: return true
            case .error: return false
            }
        }
    }

    private static func shown(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        String(decoding: bytes.prefix(200), as: UTF8.self)
    }
}

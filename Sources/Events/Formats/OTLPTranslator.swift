/// Translates logs in OTLP/JSON (OpenTelemetry protocol, logs/v1, "JSON Protobuf Encoding"), one object a line as the file
/// exporter writes them. Each `logRecord` in it is a record, with its own place.
///
/// - A line that holds an opening brace alone begins an object over several lines, as `jq` prints it. It ends with the line
///   on which its braces are even or, where they never are, before the next line that holds such a brace alone.
/// - The members of the record are as they are written, those that are not known too. Besides, there are `resource`, which
///   holds the resource's attributes, `scope` with `name`, `version` and `attributes`, and `schemaUrl`.
/// - Attributes are objects, and values plain JSON: `{"key":"a.b","value":{"intValue":"7"}}` is `{"a.b":7}`. Bytes stay
///   in base64, and no number is a string: `NaN`.
/// - Numbers that JSON of Protocol Buffers writes as strings are numbers. What Protocol Buffers do not tell from an absent
///   member, 0 and an empty text, is absent.
/// - `time` is `timeUnixNano` or, where that is absent, `observedTimeUnixNano`. `eventName` is, where it is absent, the
///   attribute `event.name`, which older libraries write.
package struct OTLPTranslator: RecordTranslator {
    private var layout = OTLPLayout()
    /// What all records of a scope end with: the members they share, and the closing brace.
    private var ending: [UInt8] = []
    /// What is written for one chunk: a large resource stands in each of its many records.
    private static let maxJSONBytes = 1 << 30

    package init() {}

    package func frame(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, then continuation: Continuation
    ) -> Frame {
        guard start + 1 < bytes.count, bytes[start] == UInt8(ascii: "{"), bytes[start + 1] <= 0x20 else {
            return line(bytes, from: start, then: continuation)
        }
        var place = start
        var depth = 0
        while let end = bytes.firstNewline(from: place) ?? (continuation == .closed ? bytes.count : nil),
            place < bytes.count
        {
            let isOpening = opens(bytes[place..<end])
            if place == start {
                guard isOpening else { break }
            } else if isOpening {
                return .chunk(start..<place - 1, next: place)
            }
            depth += OTLPTranslator.depth(bytes[place..<end])
            let next = min(end + 1, bytes.count)
            if depth <= 0 || next == bytes.count && continuation == .closed {
                return .chunk(start..<end, next: next)
            }
            place = next
        }
        return place == start ? line(bytes, from: start, then: continuation) : .unfinished
    }

    /// Whether a line begins an object and holds nothing more.
    private func opens(_ line: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        line.first == UInt8(ascii: "{")
            && line.dropFirst().allSatisfy { $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }
    }

    /// How many more braces and brackets a line opens than it closes; a string ends with its line.
    private static func depth(_ line: Slice<UnsafeBufferPointer<UInt8>>) -> Int {
        var depth = 0
        var (isInString, isEscaped) = (false, false)
        for byte in line {
            if isInString {
                if byte == UInt8(ascii: "\""), !isEscaped { isInString = false }
                isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): (isInString, isEscaped) = (true, false)
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
        }
        return depth
    }

    package mutating func translate(
        _ chunk: UnsafeBufferPointer<UInt8>, into records: inout TranslatedRecords
    ) {
        guard let base = chunk.baseAddress else { return }
        let scanner = JSONScanner(base, from: 0, to: chunk.count)
        do {
            var first = scanner
            try layout.read(&first)
            if let (code, reason) = problem() {
                return records.reject(0..<chunk.count, from: records.json.count, code, reason)
            }
            try write(scanner, &records)
        } catch {
            let code = error.problem == .invalidUTF8 ? RejectCode.invalidUTF8 : .malformedJSON
            records.reject(
                0..<chunk.count, from: records.json.count, code,
                "column \(error.offset + 1): \(error.problem.rawValue)")
        }
    }

    private func problem() -> (RejectCode, String)? {
        guard layout.isObject else { return (.notAnObject, "the line is valid JSON, but not an object") }
        guard layout.hasResourceLogs else { return (.malformedJSON, "the object has no resourceLogs") }
        return layout.misfit.map { (.malformedJSON, "column \($0.offset + 1): \($0.problem)") }
    }

    private mutating func write(
        _ scanner: JSONScanner, _ records: inout TranslatedRecords
    ) throws(JSONError) {
        var (scopeIndex, recordIndex) = (0, 0)
        for resource in layout.resources {
            while scopeIndex < resource.scopesEnd {
                let scope = layout.scopes[scopeIndex]
                scopeIndex += 1
                guard recordIndex < scope.recordsEnd else { continue }
                let isSharedTooDeep = try writeEnding(resource, scope, scanner, &records.json)
                while recordIndex < scope.recordsEnd {
                    try write(layout.records[recordIndex], scanner, isTooDeep: isSharedTooDeep, &records)
                    recordIndex += 1
                }
            }
        }
    }

    // MARK: - The resource and the scope

    /// - Returns: whether a value in them nests too deeply.
    private mutating func writeEnding(
        _ resource: OTLPLayout.Resource, _ scope: OTLPLayout.Scope, _ scanner: JSONScanner,
        _ json: inout ByteArena
    ) throws(JSONError) -> Bool {
        let mark = json.count
        var isTooDeep = false
        json.append(",\"resource\":{".utf8)
        if let place = resource.value {
            var writer = OTLPWriter(scanner, at: place)
            try writer.eachMember { (writer, key) throws(JSONError) in
                guard writer.scanner.isKey(key, "attributes") else { return try writer.pass() }
                _ = try writer.writePairs(&json)
            }
            isTooDeep = writer.isTooDeep
        }
        json.append("},\"scope\":{".utf8)
        if let place = scope.value {
            var writer = OTLPWriter(scanner, at: place)
            try writer.eachMember { (writer, key) throws(JSONError) in
                if writer.scanner.isKey(key, "name") || writer.scanner.isKey(key, "version") {
                    _ = try writer.writeText(key, &json)
                } else if writer.scanner.isKey(key, "attributes") {
                    writer.writeName(key, &json)
                    _ = try writer.writeAttributes(&json)
                } else {
                    try writer.pass()
                }
            }
            isTooDeep = isTooDeep || writer.isTooDeep
        }
        json.append(UInt8(ascii: "}"))
        let urls = [scope.schemaURL, resource.schemaURL].compactMap { $0 }
        if let url = urls.first(where: { $0.kind == .string && $0.end > $0.start }) {
            json.append(",\"schemaUrl\":".utf8)
            OTLPWriter(scanner, at: 0).write(url, &json)
        }
        json.append(UInt8(ascii: "}"))
        ending.removeAll(keepingCapacity: true)
        ending.append(contentsOf: json.bytes(of: json.slice(from: mark)))
        json.truncate(to: mark)
        return isTooDeep
    }

    // MARK: - The record

    private func write(
        _ range: Range<Int>, _ scanner: JSONScanner, isTooDeep: Bool, _ records: inout TranslatedRecords
    ) throws(JSONError) {
        let mark = records.json.count
        guard scanner.base[range.lowerBound] == UInt8(ascii: "{") else {
            return records.reject(
                range, from: mark, .notAnObject, "the logRecord is valid JSON, but not an object")
        }
        var writer = OTLPWriter(scanner, at: range.lowerBound)
        try write(&writer, &records.json)
        guard !isTooDeep, !writer.isTooDeep else {
            return records.reject(
                range, from: mark, .nestedTooDeep,
                "a value is nested deeper than \(OTLPWriter.maxDepth) levels")
        }
        guard records.json.count + ending.count <= OTLPTranslator.maxJSONBytes else {
            return records.reject(
                range, from: mark, .lineTooLong,
                "the records of this line, each with its resource, have more than 1 GiB together")
        }
        let isEmpty = records.json.count == mark + 1
        ending.withUnsafeBufferPointer { ending in
            let comma = isEmpty ? 1 : 0
            records.json.append(ending.baseAddress! + comma, ending.count - comma)
        }
        records.add(range, from: mark)
    }

    /// Writes an object but for its closing brace.
    private func write(_ writer: inout OTLPWriter, _ json: inout ByteArena) throws(JSONError) {
        var time: JSONScanner.Token?
        var observedTime: JSONScanner.Token?
        var hasEventName = false
        var eventName = TextSlice.absent
        json.append(UInt8(ascii: "{"))
        try writer.eachMember { (writer, key) throws(JSONError) in
            let scanner = writer.scanner
            if scanner.isKey(key, "timeUnixNano") {
                time = try writer.writeNumber(key, &json)
            } else if scanner.isKey(key, "observedTimeUnixNano") {
                observedTime = try writer.writeNumber(key, &json)
            } else if scanner.isKey(key, "body") {
                writer.writeName(key, &json)
                try writer.writeValue(&json)
            } else if scanner.isKey(key, "attributes") {
                writer.writeName(key, &json)
                eventName = try writer.writeAttributes(&json)
            } else if scanner.isKey(key, "severityNumber") || scanner.isKey(key, "flags")
                || scanner.isKey(key, "droppedAttributesCount")
            {
                _ = try writer.writeNumber(key, &json)
            } else if scanner.isKey(key, "eventName") {
                if try writer.writeText(key, &json) { hasEventName = true }
            } else if scanner.isKey(key, "severityText") || scanner.isKey(key, "traceId")
                || scanner.isKey(key, "spanId")
            {
                _ = try writer.writeText(key, &json)
            } else {
                try writer.writeAsItIs(key, &json)
            }
        }
        if !hasEventName, eventName.count > 2, json.base[Int(eventName.offset)] == UInt8(ascii: "\"") {
            OTLPWriter.separate(&json)
            json.append("\"eventName\":".utf8)
            // Growing would move what is copied.
            json.reserve(Int(eventName.count))
            json.append(json.base + Int(eventName.offset), Int(eventName.count))
        }
        if let time = time ?? observedTime {
            OTLPWriter.separate(&json)
            json.append("\"time\":".utf8)
            writer.write(time, &json)
        }
    }
}

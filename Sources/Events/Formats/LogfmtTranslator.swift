#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Translates logfmt, `level=info msg="order \"7\" paid" retry`, as Brandur Leach described it and Go's `logfmt` and
/// `slog` packages write it: a line is a record, a key a member.
///
/// - Values are strings as they are written, numbers too; a key alone is `true`.
/// - `key=` and `key=""` are absent, like an empty cell of CSV: some writers say nothing in the one way, some in the
///   other.
/// - A quoted value has the escapes of Go and JSON strings; a key that holds blanks is quoted too. A bare value may
///   hold `=`, but no quote.
/// - The second `key` of a line is `key_2`, for a JSON object would keep only the last.
package struct LogfmtTranslator: RecordTranslator {
    /// Where the keys of the line stand in the JSON, without their quotes.
    private var keys: [TextSlice] = []
    /// With more keys, comparing each with each takes longer than a set of them.
    private static let maxComparedKeys = 64

    package init() {}

    package mutating func translate(
        _ chunk: UnsafeBufferPointer<UInt8>, into records: inout TranslatedRecords
    ) {
        let mark = records.json.count
        do {
            try write(chunk, names: nil, into: &records.json)
            if hasDoubledKey(records.json) {
                let names = distinct(keys.map { records.json.string(of: $0) })
                records.json.truncate(to: mark)
                try write(chunk, names: names, into: &records.json)
            }
            records.add(0..<chunk.count, from: mark)
        } catch {
            records.reject(chunk, from: mark, error)
        }
    }

    // MARK: - Members

    /// - Parameter names: what the keys are called, as the contents of JSON strings; nil: as they are written.
    private mutating func write(
        _ line: UnsafeBufferPointer<UInt8>, names: [String]?, into json: inout ByteArena
    ) throws(MalformedLine) {
        guard let base = line.baseAddress else { return }
        keys.removeAll(keepingCapacity: true)
        json.append(UInt8(ascii: "{"))
        var place = 0
        while true {
            while place < line.count, isBlank(base[place]) { place += 1 }
            if place == line.count { break }
            let member = json.count
            if !keys.isEmpty { json.append(UInt8(ascii: ",")) }
            let key = try writeKey(base, &place, line.count, into: &json)
            // Behind the last key that has a value there may be others that have none.
            if let names, keys.count < names.count {
                json.truncate(to: Int(key.offset))
                json.append(names[keys.count].utf8)
            }
            json.append(UInt8(ascii: "\""))
            json.append(UInt8(ascii: ":"))
            if place < line.count, base[place] == UInt8(ascii: "=") {
                place += 1
                guard try writeValue(base, &place, line.count, into: &json) else {
                    json.truncate(to: member)
                    continue
                }
            } else {
                json.append("true".utf8)
            }
            keys.append(key)
        }
        json.append(UInt8(ascii: "}"))
    }

    /// Writes a key but for its closing quote; returns where it stands.
    @inline(__always)
    private func writeKey(
        _ base: UnsafePointer<UInt8>, _ place: inout Int, _ end: Int, into json: inout ByteArena
    ) throws(MalformedLine) -> TextSlice {
        json.append(UInt8(ascii: "\""))
        let mark = json.count
        let start = place
        if base[place] == UInt8(ascii: "\"") {
            try writeQuoted(base, &place, end, into: &json)
            guard place < end, base[place] == UInt8(ascii: "=") else {
                throw MalformedLine(offset: place, problem: "a = is expected after a quoted key")
            }
            guard json.count > mark else { throw MalformedLine(offset: start, problem: "a key is empty") }
            return json.slice(from: mark)
        }
        while place < end, base[place] != UInt8(ascii: "="), !isBlank(base[place]) {
            try refuseControlOrQuote(base[place], at: place, in: "key")
            place += 1
        }
        guard place > start else {
            throw MalformedLine(offset: place, problem: "a key is expected before the =")
        }
        LoggedText.append(base, from: start, to: place, into: &json)
        return json.slice(from: mark)
    }

    /// Writes a value; false where it is empty.
    @inline(__always)
    private func writeValue(
        _ base: UnsafePointer<UInt8>, _ place: inout Int, _ end: Int, into json: inout ByteArena
    ) throws(MalformedLine) -> Bool {
        json.append(UInt8(ascii: "\""))
        let mark = json.count
        if place < end, base[place] == UInt8(ascii: "\"") {
            try writeQuoted(base, &place, end, into: &json)
            guard place == end || isBlank(base[place]) else {
                throw MalformedLine(
                    offset: place, problem: "text follows a closing quote; a quote inside is written \\\"")
            }
        } else {
            let start = place
            while place < end, !isBlank(base[place]) {
                try refuseControlOrQuote(base[place], at: place, in: "value")
                place += 1
            }
            LoggedText.append(base, from: start, to: place, into: &json)
        }
        if json.count == mark { return false }
        json.append(UInt8(ascii: "\""))
        return true
    }

    /// Writes the contents of the quoted text at `place`, and moves behind its closing quote.
    private func writeQuoted(
        _ base: UnsafePointer<UInt8>, _ place: inout Int, _ end: Int, into json: inout ByteArena
    ) throws(MalformedLine) {
        let opening = place
        place += 1
        while true {
            let special = LoggedText.plainEnd(base, from: place, to: end)
            json.append(base + place, special - place, readable: end - place)
            place = special
            guard place < end else {
                throw MalformedLine(offset: opening, problem: "the quote that opens here is never closed")
            }
            switch base[place] {
            case UInt8(ascii: "\""):
                place += 1
                return
            case UInt8(ascii: "\\"):
                guard let next = LoggedText.appendEscape(base, at: place, to: end, into: &json) else {
                    let problem =
                        place + 1 < end
                        ? "this escape does not exist; a backslash is written \\\\"
                        : "the line ends in the middle of an escape"
                    throw MalformedLine(offset: place, problem: problem)
                }
                place = next
            case 0x09:
                LoggedText.appendASCII(0x09, into: &json)
                place += 1
            default: throw MalformedLine(offset: place, problem: "a control character must be escaped")
            }
        }
    }

    @inline(__always)
    private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    @inline(__always)
    private func refuseControlOrQuote(_ byte: UInt8, at place: Int, in part: String) throws(MalformedLine) {
        if byte > UInt8(ascii: "\"") || byte == UInt8(ascii: "!") { return }
        throw MalformedLine(
            offset: place,
            problem: byte == UInt8(ascii: "\"")
                ? "a quote stands inside a \(part) that does not begin with one"
                : "a control character stands in a \(part)")
    }

    // MARK: - Doubled keys

    private func hasDoubledKey(_ json: borrowing ByteArena) -> Bool {
        if keys.count > LogfmtTranslator.maxComparedKeys { return true }
        for index in keys.indices.dropFirst() {
            let key = keys[index]
            let bytes = json.base + Int(key.offset)
            for earlier in 0..<index where keys[earlier].count == key.count {
                if memcmp(json.base + Int(keys[earlier].offset), bytes, Int(key.count)) == 0 { return true }
            }
        }
        return false
    }

    private func distinct(_ keys: [String]) -> [String] {
        var taken = Set(keys)
        var seen: Set<String> = []
        // Where to go on counting, so that a key written very often is no loop in a loop.
        var next: [String: Int] = [:]
        return keys.map { key in
            guard !seen.insert(key).inserted else { return key }
            var number = next[key, default: 2]
            while !taken.insert("\(key)_\(number)").inserted { number += 1 }
            next[key] = number + 1
            return "\(key)_\(number)"
        }
    }
}

/// Translates access logs in the Common and Combined Log Formats of Apache (mod_log_config) and nginx, each line by
/// what is in it:
///
///     host ident user [time] "request" status bytes ["referer" "user agent" [more…]]
///
/// - The members are `host`, `ident`, `user`, `time` (what stands in the brackets), `request`, `method`, `path`,
///   `protocol`, `status`, `bytes`, `referer`, `user_agent`. A `-`, like an empty text, is absent.
/// - `name:port` before the host, as in `vhost_combined`, is `vhost`.
/// - What follows is in the array `extra`, a text each, and null for `-`; so is what follows `bytes` where it is not
///   two quoted texts. A bare text is there as it is written: `rt="0.004"`.
/// - A request that is not `METHOD path PROTOCOL/version`, as port scanners send them, is `request` alone.
/// - `\"`, `\\`, `\n`, `\t` and `\xHH` are escapes; what is none stays as it is written, and so do bytes that are no
///   UTF-8.
package struct AccessLogTranslator: RecordTranslator {
    /// The texts before the time.
    private var fields: [Range<Int>] = []

    package init() {}

    package mutating func translate(
        _ chunk: UnsafeBufferPointer<UInt8>, into records: inout TranslatedRecords
    ) {
        let mark = records.json.count
        do {
            records.json.append(UInt8(ascii: "{"))
            try write(AccessLogScanner(chunk), into: &records.json)
            records.json.append(UInt8(ascii: "}"))
            records.add(0..<chunk.count, from: mark)
        } catch {
            records.reject(chunk, from: mark, error)
        }
    }

    private mutating func write(_ scanner: AccessLogScanner, into json: inout ByteArena) throws(MalformedLine)
    {
        var scanner = scanner
        let time = try scanFields(&scanner)
        writeClient(scanner, &json)
        writeText("time", time, scanner, &json)
        guard scanner.next() == UInt8(ascii: "\"") else {
            throw scanner.failure("the request in quotes is expected here")
        }
        writeRequest(try scanner.scanQuoted(), scanner, &json)
        try writeNumber("status", &scanner, &json)
        try writeNumber("bytes", &scanner, &json)
        try writeAgent(&scanner, &json)
    }

    // MARK: - The client

    /// Scans the texts before the time into `fields`; returns where the time stands.
    private mutating func scanFields(_ scanner: inout AccessLogScanner) throws(MalformedLine) -> Range<Int> {
        fields.removeAll(keepingCapacity: true)
        // A vhost may begin with a bracket too: [::1]:443.
        while let byte = scanner.next(), byte != UInt8(ascii: "[") || fields.count < 2 {
            // A request stands in quotes: behind it is no time.
            guard byte != UInt8(ascii: "\"") else { break }
            fields.append(scanner.scanBare())
        }
        guard fields.count >= 2, scanner.next() == UInt8(ascii: "[") else {
            throw scanner.failure("the time in brackets is expected here")
        }
        return try scanner.scanBracketed()
    }

    /// Users may hold blanks, and so do lists of hosts: `10.0.0.1, 10.0.0.2`, which nginx writes for
    /// `$http_x_forwarded_for`.
    private func writeClient(_ scanner: AccessLogScanner, _ json: inout ByteArena) {
        var first = 0
        if fields.count >= 4, scanner.isNameAndPort(fields[0]) {
            writeText("vhost", fields[0], scanner, &json)
            first = 1
        }
        var host = fields[first]
        var index = first + 1
        while index < fields.count - 1, scanner.bytes[host.upperBound - 1] == UInt8(ascii: ",") {
            host = host.lowerBound..<fields[index].upperBound
            index += 1
        }
        writeText("host", host, scanner, &json)
        writeText("ident", fields[index], scanner, &json)
        guard index + 1 < fields.count else { return }
        writeText("user", fields[index + 1].lowerBound..<fields[fields.count - 1].upperBound, scanner, &json)
    }

    // MARK: - The request and the answer

    private func writeRequest(_ request: Range<Int>, _ scanner: AccessLogScanner, _ json: inout ByteArena) {
        writeText("request", request, scanner, &json)
        guard let (method, path, proto) = scanner.split(request: request) else { return }
        writeText("method", method, scanner, &json)
        writeText("path", path, scanner, &json)
        writeText("protocol", proto, scanner, &json)
    }

    private func writeNumber(
        _ name: StaticString, _ scanner: inout AccessLogScanner, _ json: inout ByteArena
    ) throws(MalformedLine) {
        _ = scanner.next()
        let field = scanner.scanBare()
        if scanner.isAbsent(field), !field.isEmpty { return }
        var digits = field
        guard !field.isEmpty, scanner.bytes[field].allSatisfy(isDigit) else {
            throw MalformedLine(
                offset: field.lowerBound, problem: "the \(name), digits or -, is expected here")
        }
        // JSON has no zeros before a number, and nginx has a status 000.
        while digits.count > 1, scanner.bytes[digits.lowerBound] == UInt8(ascii: "0") {
            digits = digits.dropFirst()
        }
        appendName(name, &json)
        // No server counts so far; as a text it is not too large for any number.
        let isText = digits.count > 18
        if isText { json.append(UInt8(ascii: "\"")) }
        json.append(scanner.bytes.baseAddress! + digits.lowerBound, digits.count)
        if isText { json.append(UInt8(ascii: "\"")) }
    }

    private func writeAgent(_ scanner: inout AccessLogScanner, _ json: inout ByteArena) throws(MalformedLine)
    {
        guard let first = scanner.next() else { return }
        var start = scanner.position
        if first == UInt8(ascii: "\"") {
            let referer = try scanner.scanQuoted()
            if scanner.next() == UInt8(ascii: "\"") {
                writeText("referer", referer, scanner, &json)
                writeText("user_agent", try scanner.scanQuoted(), scanner, &json)
                guard scanner.next() != nil else { return }
                start = scanner.position
            }
        }
        scanner.position = start
        appendName("extra", &json)
        var separator = UInt8(ascii: "[")
        while let byte = scanner.next() {
            let isQuoted = byte == UInt8(ascii: "\"")
            let field = isQuoted ? try scanner.scanQuoted() : try scanner.scanBareWithQuotes()
            json.append(separator)
            separator = UInt8(ascii: ",")
            if scanner.isAbsent(field) {
                json.append("null".utf8)
            } else {
                json.append(UInt8(ascii: "\""))
                scanner.appendText(field, hasEscapes: isQuoted, into: &json)
                json.append(UInt8(ascii: "\""))
            }
        }
        json.append(UInt8(ascii: "]"))
    }

    // MARK: - Members

    private func writeText(
        _ name: StaticString, _ field: Range<Int>, _ scanner: AccessLogScanner, _ json: inout ByteArena
    ) {
        if scanner.isAbsent(field) { return }
        appendName(name, &json)
        json.append(UInt8(ascii: "\""))
        scanner.appendText(field, hasEscapes: true, into: &json)
        json.append(UInt8(ascii: "\""))
    }

    private func appendName(_ name: StaticString, _ json: inout ByteArena) {
        if json.base[json.count - 1] != UInt8(ascii: "{") { json.append(UInt8(ascii: ",")) }
        json.append(UInt8(ascii: "\""))
        json.append(name.utf8Start, name.utf8CodeUnitCount)
        json.append(UInt8(ascii: "\""))
        json.append(UInt8(ascii: ":"))
    }
}

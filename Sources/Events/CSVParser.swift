/// Parses CSV records under a known header. Empty cells are absent; blank lines and comments yield nothing.
///
/// After a malformed record only its first physical line is rejected, and parsing goes on with the next line: a
/// stray quote then costs one record and not all up to the next quote.
package final class CSVParser: RecordParser {
    private let header: [String]
    private let raggedRows: CSVDialect.RaggedRows
    private var scanner: CSVScanner
    private let mapper: RecordMapper
    /// What a mapping reads: a column may have two names, and then two slots.
    private let slots: UnsafeMutableBufferPointer<(slot: Int, column: Int)>
    /// The columns that no mapping names.
    private let details: UnsafeMutableBufferPointer<Detail>
    /// `,"name":"` for each of these columns.
    private let detailNames: ByteArena
    /// Where records are not stored as they came: they are written as JSON objects first, and mapped as such.
    private let rewriting: NDJSONParser?
    private var object = ByteArena()

    private struct Detail {
        let column: Int
        /// In `detailNames`.
        let name: TextSlice
    }

    package init(_ mapping: SourceMapping, header: [String], dialect: CSVDialect = .rfc4180) {
        self.header = header
        raggedRows = dialect.raggedRows
        scanner = CSVScanner(dialect)
        let tree = FieldTree(mapping.paths, looks: mapping.looks)
        mapper = RecordMapper(mapping, tree: tree)
        let columns = CSVParser.distinct(header)
        rewriting =
            mapping.isRewriting
            ? NDJSONParser(CSVParser.renamed(mapping, header, columns)) : nil
        func slots(_ paths: [FieldPath]) -> [(slot: Int, column: Int)] {
            paths.compactMap { path in
                CSVParser.column(of: path, in: header).map { (slot: tree.slot(of: path), column: $0) }
            }
        }
        let taken = rewriting == nil ? slots(mapping.paths) : []
        let slots = slots(mapping.paths + mapping.looks)
        var details: [Detail] = []
        var names = ByteArena()
        for (column, var name) in columns.enumerated() where !taken.contains(where: { $0.column == column }) {
            let mark = names.count
            names.append(UInt8(ascii: ","))
            name.withUTF8 { JSONText.appendQuoted($0, into: &names) }
            names.append(":\"".utf8)
            details.append(Detail(column: column, name: names.slice(from: mark)))
        }
        detailNames = names
        self.slots = .allocate(capacity: slots.count)
        _ = self.slots.initialize(from: slots)
        self.details = .allocate(capacity: details.count)
        _ = self.details.initialize(from: details)
    }

    deinit {
        slots.deallocate()
        details.deallocate()
    }

    /// The mapping with the names that columns have in the objects; of several columns of one name, all are redacted.
    private static func renamed(
        _ mapping: SourceMapping, _ header: [String], _ columns: [String]
    ) -> SourceMapping {
        var renamed = mapping.renamed { path in
            column(of: path, in: header).map { FieldPath(steps: [columns[$0]]) } ?? path
        }
        for redaction in mapping.redactions {
            let names = redaction.path.columnNames + [redaction.path.steps.joined(separator: ".")]
            for index in header.indices where names.contains(header[index]) {
                renamed.redactions.append(Redaction(FieldPath(steps: [columns[index]]), redaction.action))
            }
        }
        return renamed
    }

    /// The column that a field names; columns match as a whole, dots and all.
    package static func column(of path: FieldPath, in header: [String]) -> Int? {
        path.columnNames.lazy.compactMap { header.firstIndex(of: $0) }.first
    }

    /// The names of a header, of which a JSON object would keep only the last of each: the second `price` is `price_2`.
    private static func distinct(_ header: [String]) -> [String] {
        var taken = Set(header)
        var seen: Set<String> = []
        return header.map { name in
            guard !seen.insert(name).inserted else { return name }
            let free = (2...).lazy.map { "\(name)_\($0)" }.first { !taken.contains($0) }!
            taken.insert(free)
            return free
        }
    }

    package func begin(_ batch: inout EventBatch, objectIdentity: String) {
        mapper.begin(&batch, objectIdentity: objectIdentity)
        rewriting?.begin(&batch, objectIdentity: objectIdentity)
    }

    package func parse(
        _ bytes: UnsafeBufferPointer<UInt8>, then continuation: Continuation, into batch: inout EventBatch
    ) -> Int {
        // Handed down, so that exclusive access to the scanner is checked once and not for each record.
        parse(bytes, then: continuation, &scanner, &batch)
    }

    @inline(__always)
    private func parse(
        _ bytes: UnsafeBufferPointer<UInt8>, then continuation: Continuation, _ scanner: inout CSVScanner,
        _ batch: inout EventBatch
    ) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        var start = 0
        while start < bytes.count, !batch.isFull {
            let end: Int
            let next: Int
            let lines: Int
            switch scanner.scan(base, from: start, to: bytes.count, isLast: continuation == .closed) {
            case .record(let contentEnd, let following, let lineCount):
                (end, next, lines) = (contentEnd, following, lineCount)
                map(
                    base, UnsafeBufferPointer(start: base + start, count: end - start), readable: bytes.count,
                    &scanner, &batch)
            case .malformed(let offset, let problem):
                end = lineEnd(base, start, bytes.count)
                // Without its line end the line may still grow.
                guard end < bytes.count || continuation == .closed else { return start }
                let cell = scanner.cellCount < header.count ? " (\(header[scanner.cellCount]))" : ""
                rejectLine(base, start, end, "column \(offset - start + 1)\(cell): \(problem)", &batch)
                (next, lines) = (min(end + 1, bytes.count), 1)
            case .unfinished(let isQuoted):
                end = lineEnd(base, start, bytes.count)
                let isHopeless =
                    continuation == .closed || continuation == .overlong && start == 0 && end < bytes.count
                guard isQuoted, isHopeless else { return start }
                let cell = scanner.cellCount < header.count ? " of \(header[scanner.cellCount])" : ""
                rejectLine(base, start, end, "the quote that opens the cell\(cell) is never closed", &batch)
                (next, lines) = (min(end + 1, bytes.count), 1)
            }
            batch.range.end += Int64(next - start)
            // The last line of a closed object may lack its line end.
            batch.range.endLine += Int64(next > end && base[next - 1] == 0x0A ? lines : lines - 1)
            start = next
        }
        return start
    }

    private func lineEnd(_ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Int {
        UnsafeBufferPointer(start: base, count: end).firstNewline(from: start) ?? end
    }

    @inline(__always)
    private func map(
        _ base: UnsafePointer<UInt8>, _ record: UnsafeBufferPointer<UInt8>, readable: Int,
        _ scanner: inout CSVScanner, _ batch: inout EventBatch
    ) {
        if record.isEmpty || scanner.cellCount == 0 {
            batch.filtered += 1
            return
        }
        guard scanner.cellCount == header.count || raggedRows == .filled && scanner.fit(to: header.count)
        else { return rejectRagged(record, scanner.cellCount, &batch) }
        if scanner.mayHoldMultibyte, rejectInvalid(record, &batch) { return }
        if scanner.mayHoldZero, rejectZero(record, &batch) { return }
        if scanner.hasEncoded {
            let texts = scanner.decodeCells(base)
            map(record, scanner.cells, in: texts.baseAddress!, readable: texts.count, &batch)
        } else {
            map(record, scanner.cells, in: base, readable: readable, &batch)
        }
    }

    @inline(__always)
    private func map(
        _ record: UnsafeBufferPointer<UInt8>, _ cells: UnsafePointer<CSVScanner.Cell>,
        in base: UnsafePointer<UInt8>, readable: Int, _ batch: inout EventBatch
    ) {
        if let rewriting {
            object.removeAll()
            let written = appendRemainder(cells, base, readable, &object)
            return rewriting.parseTranslated(
                object.bytes(of: written), of: record, line: batch.range.endLine, position: batch.range.end,
                &batch)
        }
        mapper.clear()
        for (slot, column) in slots where cells[column].end > cells[column].start {
            mapper.values[slot] = FieldValue(
                form: .cell, start: cells[column].start, end: cells[column].end)
        }
        let remainder = mapper.wantsRemainder ? appendRemainder(cells, base, readable, &batch.arena) : .absent
        mapper.map(
            record, base: base, readable: readable, remainder: remainder, line: batch.range.endLine,
            position: batch.range.end, into: &batch)
    }

    /// The columns that no mapping names, as a JSON object of strings.
    @inline(__always)
    private func appendRemainder(
        _ cells: UnsafePointer<CSVScanner.Cell>, _ base: UnsafePointer<UInt8>, _ readable: Int,
        _ arena: inout ByteArena
    ) -> TextSlice {
        let mark = arena.count
        for detail in details {
            let (start, end) = (cells[detail.column].start, cells[detail.column].end)
            guard end > start else { continue }
            let name = detailNames.bytes(of: detail.name)
            arena.append(name.baseAddress!, name.count, readable: detailNames.count - Int(detail.name.offset))
            JSONText.appendContents(base + start, end - start, readable: readable - start, into: &arena)
            arena.append(UInt8(ascii: "\""))
        }
        // The object begins where the comma before its first member stands.
        if arena.count == mark {
            arena.append(UInt8(ascii: "{"))
        } else {
            arena.base[mark] = UInt8(ascii: "{")
        }
        arena.append(UInt8(ascii: "}"))
        return arena.slice(from: mark)
    }

    // MARK: - Rejects

    private func rejectLine(
        _ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int, _ reason: String, _ batch: inout EventBatch
    ) {
        let line = UnsafeBufferPointer(start: base + start, count: end - start)
        reject(line, .malformedCSV, reason, &batch)
    }

    @inline(never)
    private func rejectRagged(
        _ record: UnsafeBufferPointer<UInt8>, _ count: Int, _ batch: inout EventBatch
    ) {
        let reason = "the record has \(count) cells, the header \(header.count)"
        reject(record, .malformedCSV, reason, &batch)
    }

    @inline(never)
    private func rejectInvalid(_ record: UnsafeBufferPointer<UInt8>, _ batch: inout EventBatch) -> Bool {
        guard let offset = firstInvalidUTF8(record) else { return false }
        reject(record, .invalidUTF8, "column \(offset + 1): these bytes are not UTF-8", &batch)
        return true
    }

    @inline(never)
    private func rejectZero(_ record: UnsafeBufferPointer<UInt8>, _ batch: inout EventBatch) -> Bool {
        guard record.contains(0) else { return false }
        let reason = "a zero byte is a character that PostgreSQL cannot store"
        reject(record, .nulCharacter, reason, &batch)
        return true
    }

    private func reject(
        _ record: UnsafeBufferPointer<UInt8>, _ code: RejectCode, _ reason: String, _ batch: inout EventBatch
    ) {
        batch.reject(
            record, line: batch.range.endLine, position: batch.range.end, code: code, reason: reason)
    }
}

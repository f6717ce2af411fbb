import Events

/// Reads a pull, batch by batch. Belongs to one thread at a time, while another fetches.
package final class PullReader {
    package let identity: String
    /// Bytes of items, and items, that are in batches.
    package private(set) var position: Int64
    private var line: Int64
    /// Behind the last batch.
    package private(set) var checkpoint: PullCheckpoint
    /// Whether all pages are read.
    package private(set) var isFinished = false
    package private(set) var validators: Validators?
    private let source: HTTPSource
    private let mapping: SourceMapping
    private let maxLine: Int
    private let start: PullStart
    private let queue: PageQueue
    private var current: (page: Page, consumed: Int)?
    private var parser: (any RecordParser)?
    private var columns: [String] = []
    /// Those that the last batch is of.
    private var pages: [(page: Page, position: Int64)] = []

    /// Answers that a batch keeps until it is written, for the rows that the server may refuse.
    private static let maxHeldBytes = 48 << 20
    private static let maxHeldPages = 1_000

    private var heldBytes: Int {
        pages.count >= PullReader.maxHeldPages
            ? .max : pages.dropFirst().reduce(0) { $0 + $1.page.body.count }
    }

    /// - Parameter maxLine: the longest record that is read, in bytes.
    package init(
        _ source: HTTPSource, from start: PullStart, mapping: SourceMapping, maxLine: Int,
        isCancelled: @escaping @Sendable () -> Bool
    ) {
        self.source = source
        self.start = start
        self.mapping = mapping
        self.maxLine = maxLine
        identity = start.identity
        (position, line) = (start.position, start.line)
        checkpoint = start.checkpoint
        queue = PageQueue(source, from: start, isCancelled: isCancelled)
        queue.begin()
    }

    deinit { queue.stop() }

    /// The names of the columns of the last batch, of CSV; none where its pages have different ones.
    package var batchColumns: [String] {
        let columns = pages.first?.page.columns ?? []
        return pages.allSatisfy { $0.page.columns == columns } ? columns : []
    }

    /// Whether the run's requests were used up before the end.
    package var isPaused: Bool { queue.isPaused }
    /// Whether the API said that nothing has changed since the last pull.
    package var isUnchanged: Bool { queue.isUnchanged }

    /// Fills a batch with as many pages as are there, one at least; false at the end.
    ///
    /// An API that is slower than the loader gets a batch for each page; of a fast one many pages are a batch, as large as
    /// it may be. Where a page does not come, those before it make a batch, and only the next call throws.
    ///
    /// - Parameter tell: gets what a person should know while they wait.
    package func fill(_ batch: inout EventBatch, tell: (String) -> Void = { _ in }) throws -> Bool {
        batch.reset(at: position, line: line)
        if let current { pages = [(current.page, position - Int64(current.consumed))] } else { pages = [] }
        var isBegun = false
        while !batch.isFull, heldBytes < PullReader.maxHeldBytes {
            if let (page, consumed) = current, consumed < page.content.count {
                if !isBegun { try use(page, &batch) }
                isBegun = true
                parse(page, from: consumed, &batch)
                continue
            }
            current = nil
            switch try queue.take(
                waits: batch.isEmpty, room: EventBatch.maxEvents - batch.events.count, tell: tell)
            {
            case .notYet: return finish(&batch)
            case .end:
                isFinished = !queue.isPaused
                return finish(&batch)
            case .page(let page):
                current = (page, passed(of: page))
                pages.append((page, batch.range.end - Int64(current!.consumed)))
                validators = page.validators
                isBegun = false
                note(page, current!.consumed)
            }
        }
        return finish(&batch)
    }

    private func finish(_ batch: inout EventBatch) -> Bool {
        // What was rejected is to come again, once the mapping is mended.
        if !batch.rejects.isEmpty { validators = nil }
        (position, line) = (batch.range.end, batch.range.endLine)
        return !batch.isEmpty
    }

    /// How much of the first page an earlier run has read; nothing, where it is another now.
    private func passed(of page: Page) -> Int {
        let known = start.checkpoint
        guard page.step == known.step, known.offset > 0, known.offset <= page.content.count,
            page.hash(before: known.offset) == known.hash
        else { return 0 }
        return known.offset
    }

    private func use(_ page: Page, _ batch: inout EventBatch) throws {
        if parser == nil || page.columns != columns {
            columns = page.columns
            parser = source.parser(mapping, columns: page.columns, maxLine: maxLine)
        }
        parser?.begin(&batch, objectIdentity: identity)
    }

    private func parse(_ page: Page, from consumed: Int, _ batch: inout EventBatch) {
        let rest = UnsafeBufferPointer(rebasing: page.bytes[consumed...])
        var count = 0
        if source.format == .json {
            count = parser!.parse(rest, then: .closed, into: &batch)
        } else {
            // As of a file: no record sees more bytes than it may have.
            let window = UnsafeBufferPointer(rebasing: rest.prefix(maxLine + 1))
            count = parser!.parse(window, then: window.count == rest.count ? .closed : .more, into: &batch)
            if count == 0, window.count > maxLine {
                count = parser!.parse(window, then: .overlong, into: &batch)
            }
            if count == 0 { count = rejectLine(rest, &batch) }
        }
        current!.consumed += count
        // The next page begins another line, be there a line end or not.
        if source.format != .json, current!.consumed == page.content.count, page.bytes.last != 0x0A {
            batch.range.endLine += 1
        }
        page.body.release(before: page.content.lowerBound + current!.consumed)
        note(page, current!.consumed)
    }

    /// Rejects a line that is too long, and passes it.
    private func rejectLine(_ rest: UnsafeBufferPointer<UInt8>, _ batch: inout EventBatch) -> Int {
        let end = rest.firstIndex(of: 0x0A).map { $0 + 1 } ?? rest.count
        batch.rejectOverlong(rest, line: batch.range.endLine, position: batch.range.end, maxBytes: maxLine)
        batch.range.end += Int64(end)
        batch.range.endLine += 1
        return end
    }

    private func note(_ page: Page, _ consumed: Int) {
        checkpoint.mark = page.mark
        if let next = page.next, consumed == page.content.count {
            (checkpoint.step, checkpoint.offset) = (next, 0)
        } else {
            (checkpoint.step, checkpoint.offset) = (page.step, consumed)
        }
        checkpoint.hash = nil
    }

    /// The checkpoint as it is to be stored, with what tells whether its page is the same when it comes again; nil where it
    /// cannot be, for a secret stands in it that cannot be told from what surrounds it.
    ///
    /// To be asked for before the next batch is filled.
    package func storedCheckpoint() -> PullCheckpoint? {
        var checkpoint = checkpoint
        guard let step = checkpoint.step.stored(source.secrets) else { return nil }
        if checkpoint.offset > 0, let page = pages.last?.page, page.step == checkpoint.step {
            checkpoint.hash = page.hash(before: checkpoint.offset)
        }
        checkpoint.step = step
        return checkpoint
    }

    /// The first items of the last batch as trees; of CSV, its columns.
    func sample(_ most: Int) -> (columns: [String], items: [JSONValue]) {
        guard let page = pages.first?.page, source.format != .csv else { return (columns, []) }
        let content = page.bytes.prefix(256 << 10)
        var items: [JSONValue] = []
        if source.format == .ndjson {
            items = content.split(separator: 0x0A).prefix(most).compactMap {
                try? JSONDocument(Array($0), isLenient: false).root
            }
        } else if let base = page.bytes.baseAddress {
            var scanner = JSONScanner(base, from: 0, to: content.count)
            // The last item may be cut.
            while items.count < most, let item = try? scanner.scanValue() {
                let bytes = Array(content[item.start..<item.end])
                guard let tree = try? JSONDocument(bytes, isLenient: false).root else { break }
                items.append(tree)
                guard (try? scanner.next()) == UInt8(ascii: ",") else { break }
                scanner.position += 1
            }
        }
        return ([], items)
    }

    /// What of the first page does not fit what the source says of its pages.
    var doubts: [String] {
        guard let page = pages.first?.page, let envelope = page.envelope else { return [] }
        var paths: [(key: String, path: FieldPath)] = []
        switch source.pagination {
        case .jsonLink(let next): paths = [("next_path", next)]
        case .cursor(let cursor):
            if case .body(let path) = cursor.origin { paths = [("cursor_path", path)] }
            if let path = cursor.hasMore { paths.append(("has_more_path", path)) }
        case .offset(let offset): if let path = offset.total { paths = [("total_path", path)] }
        case .pageNumber(let number): if let path = number.total { paths = [("total_path", path)] }
        case .single:
            let leads = envelope.names.first {
                $0.lowercased().contains("next") && envelope[[$0]]?.text?.isEmpty == false
            }
            return leads.map {
                ["the answer has \"\($0)\", which may lead to more; there is no \"pagination\""]
            } ?? []
        case .headerLink: break
        }
        return paths.filter { !envelope.holds($0.path.steps) }.map { key, path in
            "the first answer has no \"\(path.text)\" (\(key)); it has \(envelope.names.prefix(8).joined(separator: ", "))"
        }
    }

    /// The records at some positions of the last batch; while it is loaded the next one may be read.
    package func lookup() -> @Sendable (Set<Int64>, ReadRange) -> [Int64: SourceRecord] {
        let (pages, source, mapping, maxLine, identity) = (
            self.pages, self.source, self.mapping, self.maxLine, self.identity
        )
        return { positions, range in
            var found: [Int64: SourceRecord] = [:]
            var line = range.firstLine
            for (page, position) in pages {
                let parser = source.parser(mapping, columns: page.columns, maxLine: maxLine)
                var batch = EventBatch(capacity: 1)
                var consumed = 0
                while consumed < page.content.count, found.count < positions.count {
                    // The first page may have begun in the batch before.
                    if position + Int64(consumed) == range.start { line = range.firstLine }
                    batch.reset(at: position + Int64(consumed), line: line)
                    parser.begin(&batch, objectIdentity: identity)
                    let rest = UnsafeBufferPointer(rebasing: page.bytes[consumed...])
                    let count = parser.parse(rest, then: .closed, into: &batch)
                    guard count > 0 else { break }
                    consumed += count
                    line = batch.range.endLine
                    guard let start = batch.events.first?.position, positions.contains(start) else {
                        continue
                    }
                    let from = Int(start - position)
                    var bytes = Array(page.bytes[from..<consumed])
                    while let last = bytes.last, last <= 0x20 || last == UInt8(ascii: ",") {
                        bytes.removeLast()
                    }
                    found[start] = SourceRecord(line: line - 1, bytes: bytes)
                }
            }
            return found
        }
    }
}

extension HTTPSource {
    /// - Parameter columns: of CSV.
    package func parser(
        _ mapping: SourceMapping, columns: [String], maxLine: Int
    ) -> any RecordParser {
        switch format {
        case .json: JSONItemsParser(mapping, maxBytes: maxLine)
        case .ndjson: NDJSONParser(mapping)
        case .csv: CSVParser(mapping, header: columns)
        }
    }
}

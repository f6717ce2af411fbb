import Events

/// What must hold of the parsers whatever bytes they are given.
package enum ParserProperties {
    /// Parses an input (see `FuzzSource`) whole and in pieces, and compares.
    ///
    /// - Parameter cuttingEverywhere: cut at each byte, not only at some that the input's hash chooses.
    package static func check(_ input: [UInt8], cuttingEverywhere: Bool = false) throws(Violation) {
        guard let choice = input.first else { return }
        let source = FuzzSource.chosen(by: choice)
        let object = input.dropFirst()
        var random = SeededGenerator(seed: hash(input))

        let parser = source.makeParser()
        var feed = Feed(object, to: parser)
        try feed.parse(to: object.count, then: .closed)
        guard feed.position == object.count else {
            throw Violation("a closed object is parsed to byte \(feed.position) of \(object.count)")
        }
        try RecordProperties.check(feed.batch, of: object)
        let whole = feed.finish()
        try RecordProperties.check(whole, of: object, source)
        if source.format == .ndjson { try JSONJudge.check(whole, of: object, source) }

        let cuts =
            cuttingEverywhere ? Array(0...object.count) : (0..<3).map { _ in cut(object, &random) }
        for cut in cuts {
            for first in [Continuation.more, .open, .overlong] {
                do throws(Violation) {
                    try checkCut(object, source.format, parser, cut, first, whole)
                } catch {
                    throw Violation("cut at \(cut), \(first): \(error)")
                }
            }
        }
        let blocks = try parseInBlocks(object, parser, &random)
        try expect(blocks, like: whole, "in blocks")
        try checkLines(object, source, whole)
    }

    private static func checkCut(
        _ object: ArraySlice<UInt8>, _ format: FuzzSource.Format, _ parser: any RecordParser, _ cut: Int,
        _ first: Continuation, _ whole: Parse
    ) throws(Violation) {
        var feed = Feed(object, to: parser)
        try feed.parse(to: cut, then: first)
        let isSame: Bool
        switch (format, first) {
        case (.ndjson, .open):
            isSame = isWholeButForItsLineEnd(object, feed.position)
            feed.passLineEnd()
        // A record that is too long loses its first line, though its closing quote may come.
        case (.csv, .overlong): isSame = false
        default: isSame = true
        }
        try feed.parse(to: object.count, then: .closed)
        guard feed.position == object.count else {
            throw Violation("parsed to byte \(feed.position) of \(object.count)")
        }
        try RecordProperties.check(feed.batch, of: object)
        if isSame { try expect(feed.finish(), like: whole, "in two pieces") }
    }

    /// Whether the record that ends at `position` has all its bytes; a growing file may put more behind an object
    /// that was whole.
    private static func isWholeButForItsLineEnd(_ object: ArraySlice<UInt8>, _ position: Int) -> Bool {
        let last = object.prefix(position).last
        if position == 0 || position == object.count || last == 0x0A { return true }
        let tail = object.dropFirst(position).prefix { $0 != 0x0A }
        return tail.isEmpty || tail.elementsEqual([0x0D]) && last != 0x0D && tail.endIndex < object.endIndex
    }

    /// As a reader does: blocks of any size, and batches that end anywhere.
    private static func parseInBlocks(
        _ object: ArraySlice<UInt8>, _ parser: any RecordParser, _ random: inout SeededGenerator
    ) throws(Violation) -> Parse {
        let largest = [1, 7, 64, 1_000].randomElement(using: &random)!
        // Byte by byte, a long unfinished record is scanned anew for each.
        let smallest = max(1, object.count / 128)
        var feed = Feed(object, to: parser, capacity: [1, 2, 5, nil].randomElement(using: &random)!)
        var end = 0
        while end < object.count {
            end = min(object.count, end + .random(in: smallest...max(smallest, largest), using: &random))
            try feed.parseAll(to: end, then: .more)
            if Bool.random(using: &random) { feed.endBatch() }
            guard try feed.parse(to: end, then: .more) == 0 else {
                throw Violation("a whole record was left before byte \(end)")
            }
        }
        try feed.parseAll(to: object.count, then: .closed)
        return feed.finish()
    }

    /// Line by line, with nothing to be read behind a line, and by a parser that has learned nothing or all; and with
    /// blank lines behind, so that no line is near the end of the memory.
    private static func checkLines(
        _ object: ArraySlice<UInt8>, _ source: FuzzSource, _ whole: Parse
    ) throws(Violation) {
        var lines = Feed(object, to: source.makeParser())
        for place in object.indices where object[place] == 0x0A {
            try lines.parse(to: place + 1 - object.startIndex, then: .more)
        }
        try lines.parse(to: object.count, then: .closed)
        try expect(lines.finish(), like: whole, "line by line")

        guard source.format == .ndjson else { return }
        let blanks = [UInt8](repeating: 0x0A, count: 64)
        let padded = object + blanks
        let parser = source.makeParser()
        for how in ["with blank lines behind", "learned by heart"] {
            var feed = Feed(padded, to: parser)
            try feed.parse(to: padded.count, then: .closed)
            let parse = feed.finish()
            guard parse.events == whole.events, parse.rejects == whole.rejects else {
                try expect(parse, like: whole, how)
                return
            }
        }
    }

    private static func expect(_ parse: Parse, like whole: Parse, _ how: String) throws(Violation) {
        guard parse != whole else { return }
        for (kind, pieces, all) in [
            ("event", parse.events, whole.events), ("reject", parse.rejects, whole.rejects),
        ] where pieces != all {
            let index = zip(pieces, all).enumerated().first { $1.0 != $1.1 }?.offset
            let place = index ?? min(pieces.count, all.count)
            func shown(_ records: [Parse.Record]) -> String {
                place < records.count ? describe(records[place]) : "none"
            }
            throw Violation(
                "\(kind) \(place) of \(all.count) is \(shown(pieces)) \(how) (\(pieces.count)), whole it is \(shown(all))"
            )
        }
        throw Violation(
            "\(how): \(parse.read) read, \(parse.filtered) filtered, end \(parse.end), line \(parse.endLine); whole: "
                + "\(whole.read), \(whole.filtered), \(whole.end), \(whole.endLine)")
    }

    private static func describe(_ record: Parse.Record) -> String {
        let columns = record.columns.map { $0.map { String(decoding: $0, as: UTF8.self) } ?? "null" }
        return "\(record.code?.rawValue ?? "") at \(record.position) \(columns)"
    }

    /// A place to cut at: any, or beside a byte that means something.
    private static func cut(_ object: ArraySlice<UInt8>, _ random: inout SeededGenerator) -> Int {
        let place = Int.random(in: 0...object.count, using: &random)
        guard Bool.random(using: &random) else { return place }
        let marks: Set<UInt8> = [0x0A, 0x0D, 0x22, 0x5C, 0x7D]
        guard let mark = object.dropFirst(place).firstIndex(where: marks.contains) else { return place }
        return mark - object.startIndex + Int.random(in: 0...1, using: &random)
    }

    /// FNV-1a.
    private static func hash(_ bytes: [UInt8]) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}

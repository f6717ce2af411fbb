import Events
import Extract
import Foundation
import Testing

/// Reading files in batches: blocks, stretches, ends that are open or settled, lines that are too long.
@Suite
struct FileReaderTests {
    private let folder: FolderOfFiles

    init() throws { folder = try FolderOfFiles() }

    /// What a file gave: the positions of its events, its rejects, and the ranges of its batches.
    private struct Outcome {
        var positions: [Int64] = []
        var details: [String] = []
        var rejects: [Reject] = []
        var ranges: [ReadRange] = []
        var filtered = 0
        var rest: Int64 = 0
    }

    private func read(
        _ name: String, _ format: RecordFormat = .ndjson, stretch: ReadPlan.Stretch? = nil,
        isSettled: Bool = false,
        maxLine: Int = 16 << 20, most: Int64? = nil, beforeEach: () throws -> Void = {}
    ) throws -> Outcome {
        let plan = ReadPlan(try folder.file(name), identity: "file")
        let reader = try FileReader(
            plan, stretch ?? plan.stretches[0], form: RecordForm(format, maxLine: maxLine),
            mapping: try anyMapping(), isSettled: isSettled)
        var outcome = Outcome()
        var batch = EventBatch()
        try beforeEach()
        while try reader.fill(&batch, upTo: most.map { reader.position + $0 } ?? .max) {
            try beforeEach()
            if let last = outcome.ranges.last {
                #expect(batch.range.start == last.end && batch.range.firstLine == last.endLine)
            }
            outcome.ranges.append(batch.range)
            outcome.positions += batch.events.map(\.position)
            for index in batch.events.indices {
                outcome.details.append(batch.arena.string(of: batch.events[index].details))
            }
            outcome.rejects += batch.rejects
            outcome.filtered += batch.filtered
        }
        outcome.rest = reader.rest
        return outcome
    }

    /// A stretch as a run plans it: a hole up to `end`, or what follows what was read up to `start`.
    private func stretch(
        of name: String, from start: Int64, to end: Int64? = nil, line: Int64
    ) throws -> ReadPlan.Stretch {
        let file = try folder.file(name)
        let new = try plans([file], known: [])[0]
        let readTo = end == nil ? start : file.size
        let known = KnownObject(
            object: name, identity: new.identity, endPosition: readTo, endLine: line,
            tailHash: try folder.tailHash(of: name, before: readTo),
            holes: end.map { [.init(start: start, end: $0, line: line)] } ?? [])
        let stretches = try plans([file], known: [known])[0].stretches
        try #require(stretches.count == 1)
        return stretches[0]
    }

    private func numbers(_ ranges: [ReadRange]) -> [[Int64]] {
        ranges.map { [$0.start, $0.end, $0.firstLine, $0.endLine] }
    }

    private func line(_ number: Int, _ padding: String = "") -> String {
        "{\"time\":\"2026-01-01\",\"type\":\"t\",\"n\":\(number),\"p\":\"\(padding)\"}\n"
    }

    private func starts(_ lines: [String]) -> [Int64] {
        var position: Int64 = 0
        return lines.map { line in
            defer { position += Int64(line.utf8.count) }
            return position
        }
    }

    private static let blockSize = 4 << 20

    @Test(
        "A multi-byte text across the block's end is whole, wherever in the line the block ends",
        arguments: -12...36)
    func blockBoundary(_ shift: Int) throws {
        let wide = String(repeating: "é€🛒", count: 3)
        let filler = line(1, String(repeating: "x", count: 1_000_000))
        var lines = Array(repeating: filler, count: 4)
        let used = lines.reduce(0) { $0 + $1.utf8.count }
        let bare = line(2).utf8.count
        lines.append(
            line(2, String(repeating: "y", count: FileReaderTests.blockSize - used - bare - 40 - shift)))
        lines += [line(3, wide), line(4, wide), line(5, wide)]
        try folder.write("a", lines.joined())
        let outcome = try read("a")
        #expect(outcome.positions == starts(lines))
        #expect(outcome.details.suffix(3).allSatisfy { $0.contains(wide) })
        #expect(outcome.rejects.isEmpty && outcome.rest == 0)
        #expect(outcome.ranges.last?.endLine == Int64(lines.count + 1))
    }

    @Test("A line longer than a block is read whole, also as the last of the file")
    func longLine() throws {
        let long = String(repeating: "é", count: 5 << 20)
        let lines = [line(1), line(2, long), line(3), line(4, long)]
        try folder.write("a", lines.joined())
        let outcome = try read("a")
        #expect(outcome.positions == starts(lines))
        #expect(outcome.details[3].utf8.count > 10 << 20)
    }

    @Test(
        "A batch ends with the last whole record before its limit, which nothing longer has",
        arguments: [1, 30, 90, 500])
    func limit(most: Int64) throws {
        let overlong = line(7, String(repeating: "z", count: 300))
        let lines =
            (1...9).map { line($0, String(repeating: "é", count: $0)) } + ["{]\n", overlong, "\n", line(8)]
        let rows = (1...9).map { "2026-01-0\($0),\"a\r\n\($0)\"\r\n" } + ["ragged\n"]
        try folder.write("a", lines.joined())
        try folder.write("a.csv", "time,type\n" + rows.joined())
        for (name, format, records) in [
            ("a", RecordFormat.ndjson, lines), ("a.csv", .csv(.rfc4180), ["time,type\n"] + rows),
        ] {
            let whole = try read(name, format, isSettled: true, maxLine: 200)
            let limited = try read(name, format, isSettled: true, maxLine: 200, most: most)
            #expect(limited.positions == whole.positions && limited.details == whole.details)
            #expect(limited.rejects.map(\.position) == whole.rejects.map(\.position))
            #expect(limited.filtered == whole.filtered && limited.rest == 0)
            #expect(limited.ranges.last?.end == whole.ranges.last?.end)
            let ends = Set(starts(records + [""]))
            for range in limited.ranges where range.end - range.start > most {
                let firstEnd = ends.filter { $0 > range.start }.min()!
                #expect(firstEnd - range.start > most)
            }
            // The next record would not have been whole before the limit.
            for range in limited.ranges.dropLast() {
                let next = ends.filter { $0 > range.end }.min()!
                #expect(next - range.start > most || range.end - range.start >= most)
            }
        }
    }

    @Test("Blank lines are filtered; a byte order mark means nothing; line ends may be CRLF")
    func lineEnds() throws {
        try folder.write("a", "\u{FEFF}" + line(1).dropLast() + "\r\n\r\n \n" + line(2))
        let outcome = try read("a")
        #expect(outcome.positions.count == 2 && outcome.filtered == 2 && outcome.rejects.isEmpty)
        #expect(outcome.ranges.last?.endLine == 5)
    }

    @Test("An open end: half a line waits, a whole object does not; a settled end: all is read")
    func ends() throws {
        try folder.write("half", line(1) + "{\"time\":\"2026")
        #expect(try read("half").positions == [0])
        #expect(try read("half").rest == 13)
        let settled = try read("half", isSettled: true)
        #expect(
            settled.positions == [0] && settled.rejects.map(\.code) == [.malformedJSON] && settled.rest == 0)

        try folder.write("whole", line(1) + line(2).dropLast())
        #expect(try read("whole").positions.count == 2)

        let csv = "time,type\n2026-01-01,a\n2026-01-01,b"
        try folder.write("a.csv", csv)
        #expect(try read("a.csv", .csv(.rfc4180)).positions == [10])
        #expect(try read("a.csv", .csv(.rfc4180)).rest == 12)
        #expect(try read("a.csv", .csv(.rfc4180), isSettled: true).positions == [10, 23])
    }

    @Test("A stretch is read and nothing beside it; its end is an end for good")
    func stretches() throws {
        let lines = (1...100).map { line($0) }
        try folder.write("a", lines.joined())
        let places = starts(lines)
        let middle = try stretch(of: "a", from: places[10], to: places[20], line: 11)
        let outcome = try read("a", stretch: middle)
        #expect(outcome.positions == Array(places[10..<20]))
        #expect(numbers(outcome.ranges) == [[places[10], places[20], 11, 21]])
    }

    @Test("A CSV's header belongs to the first stretch only, and names the columns of every other")
    func csvStretches() throws {
        let lines = ["\u{FEFF}time,type,note\r\n", "2026-01-01,a,\"x\ny\"\r\n", "2026-01-01,b,z\r\n"]
        try folder.write("a.csv", lines.joined())
        let places = starts(lines)
        let head = try stretch(of: "a.csv", from: 0, to: places[2], line: 1)
        let first = try read("a.csv", .csv(.rfc4180), stretch: head)
        #expect(first.positions == [places[1]])
        #expect(numbers(first.ranges) == [[0, places[2], 1, 4]])
        let rest = try read(
            "a.csv", .csv(.rfc4180), stretch: try stretch(of: "a.csv", from: places[2], line: 4))
        #expect(rest.positions == [places[2]] && rest.details == ["{\"note\":\"z\"}"])
    }

    @Test("A line end that came after its line was loaded is no blank line")
    func lateLineEnd() throws {
        for ending in ["\n", "\r\n"] {
            let lines = [String(line(1).dropLast()), ending + line(2)]
            try folder.write("a", lines.joined())
            let outcome = try read("a", stretch: try stretch(of: "a", from: starts(lines)[1], line: 1))
            #expect(outcome.positions.count == 1 && outcome.filtered == 0)
            #expect(outcome.positions[0] == starts(lines)[1] + Int64(ending.utf8.count))
            #expect(outcome.ranges[0].endLine == 3)
        }
    }

    @Test(
        "Whether a line is too long depends on the line alone, not on where it stands",
        arguments: [0, 1_000_000, (4 << 20) - 6_000, (4 << 20) - 3_000, (4 << 20) - 10])
    func maxLine(_ before: Int) throws {
        let maxLine = 4_096
        let bare = line(0).utf8.count - 1
        func exactly(_ bytes: Int, _ number: Int) -> String {
            line(number, String(repeating: "x", count: bytes - bare))
        }
        var lines: [String] = []
        var used = 0
        while used + 1_000 <= before {
            lines.append(exactly(999, 0))
            used += 1_000
        }
        lines += [exactly(maxLine, 1), exactly(maxLine + 1, 2), exactly(20_000, 3), exactly(maxLine, 4)]
        try folder.write("a", lines.joined())
        let outcome = try read("a", maxLine: maxLine)
        let places = starts(lines)
        let count = lines.count
        #expect(outcome.positions == Array(places.dropLast(4)) + [places[count - 4], places[count - 1]])
        #expect(outcome.rejects.map(\.code) == [.lineTooLong, .lineTooLong])
        #expect(outcome.rejects.map(\.position) == Array(places[(count - 3)..<(count - 1)]))
        #expect(outcome.rejects.map(\.line) == [Int64(count - 2), Int64(count - 1)])
        #expect(outcome.rejects.allSatisfy { $0.raw.count == 1_024 })
    }

    @Test("A line too long whose end is not there yet stays unread while the file is open")
    func overlongWaits() throws {
        let head = line(1)
        try folder.write("a", head + String(repeating: "x", count: 9 << 20))
        let open = try read("a", maxLine: 1 << 20)
        #expect(open.positions == [0] && open.rejects.isEmpty)
        #expect(open.ranges.last?.end == Int64(head.utf8.count))
        #expect(open.rest == 9 << 20)
        let settled = try read("a", isSettled: true, maxLine: 1 << 20)
        #expect(settled.rejects.map(\.code) == [.lineTooLong])
    }

    @Test("A file that becomes shorter while it is read is an error that says so, and no end")
    func shrinking() throws {
        try folder.write("a", String(repeating: line(1, String(repeating: "x", count: 500)), count: 20_000))
        let path = folder.path("a")
        let error = try #require(throws: ExtractError.self) {
            _ = try read("a") { truncate(path, 1_000) }
        }
        #expect(error.kind == .missing && error.message.contains("became shorter"))
    }

    @Test("A file that grows while it is read gives what it had when it was found")
    func growing() throws {
        try folder.write("a", line(1) + line(2))
        var isFirst = true
        let outcome = try read("a") {
            guard isFirst else { return }
            isFirst = false
            try folder.write("a", line(1) + line(2) + line(3))
        }
        #expect(outcome.positions.count == 2)
    }

    @Test("A CSV whose first column begins like bzip2's mark is a CSV")
    func looksCompressed() throws {
        try folder.write("a.csv", "BZh,time,type\n1,2026-01-01,t\n")
        #expect(try read("a.csv", .csv(.rfc4180)).positions.count == 1)
    }

    @Test("A CSV header without an end waits; a malformed one is refused")
    func csvHeaders() throws {
        try folder.write("a.csv", "time,ty")
        #expect(try read("a.csv", .csv(.rfc4180)).ranges.isEmpty)
        try folder.write("b.csv", "time,\"ty\"pe\n2026-01-01,t\n")
        let error = try #require(throws: ExtractError.self) { _ = try read("b.csv", .csv(.rfc4180)) }
        #expect(error.kind == .unsupported && error.message.contains("header"))
    }
}

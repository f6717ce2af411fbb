import Events
import Extract
import Foundation
import Testing

/// Files that are compressed, cut, or in another encoding: what is read of them, and what is known of them later.
@Suite
struct CompressionTests {
    private let folder: FolderOfFiles

    init() throws { folder = try FolderOfFiles() }

    static let programs = ["gzip", "zstd", "xz", "bzip2"]

    private func line(_ number: Int) -> String {
        "{\"time\":\"2026-01-01T00:00:00Z\",\"type\":\"t\",\"n\":\(number),\"x\":\"\(number &* 2_654_435_761)\"}\n"
    }

    private func lines(_ range: ClosedRange<Int>) -> String { range.map(line).joined() }

    private struct Outcome {
        var positions: [Int64] = []
        var details: [String] = []
        var end: (position: Int64, line: Int64) = (0, 1)
        var tailHash = ""
        var damage: String?
        var rest: Int64 = 0
        var isAtEnd = false
    }

    private func read(
        _ plan: ReadPlan, form: RecordForm = RecordForm(.ndjson), most: Int64? = nil
    ) throws -> Outcome {
        var outcome = Outcome()
        for stretch in plan.stretches {
            let reader = try FileReader(
                plan, stretch, form: form, mapping: try anyMapping(), isSettled: false)
            var batch = EventBatch()
            while try reader.fill(&batch, upTo: most.map { reader.position + $0 } ?? .max) {
                outcome.positions += batch.events.map(\.position)
                for index in batch.events.indices {
                    outcome.details.append(batch.arena.string(of: batch.events[index].details))
                }
                outcome.end = (batch.range.end, batch.range.endLine)
                outcome.tailHash = try reader.tailHash()
            }
            (outcome.damage, outcome.rest, outcome.isAtEnd) = (
                reader.damage, reader.rest, reader.isAtEndOfFile
            )
        }
        return outcome
    }

    private func read(_ name: String, form: RecordForm = RecordForm(.ndjson), most: Int64? = nil) throws
        -> Outcome
    { try read(ReadPlan(try folder.file(name), identity: "file"), form: form, most: most) }

    private func known(_ plan: ReadPlan, _ outcome: Outcome) -> KnownObject {
        KnownObject(
            object: plan.file.name, identity: plan.identity, endPosition: outcome.end.position,
            endLine: outcome.end.line, tailHash: outcome.tailHash)
    }

    @Test(
        "What is read of a compressed file is what is read of the plain one, positions and all",
        arguments: programs)
    func alike(_ program: String) throws {
        try folder.write("plain", lines(1...50_000))
        try folder.write("log", lines(1...50_000))
        // The name is no matter.
        try folder.rename(try folder.compress("log", with: program), to: "packed.txt")
        let plain = try read("plain", most: 300_000)
        let packed = try read("packed.txt", most: 300_000)
        #expect(plain.positions.count == 50_000 && packed.positions == plain.positions)
        #expect(packed.details == plain.details)
        #expect(packed.end.position == plain.end.position && packed.tailHash == plain.tailHash)
        #expect(packed.damage == nil && packed.isAtEnd)
    }

    @Test("Members that follow each other are one stream", arguments: programs)
    func members(_ program: String) throws {
        var all = Data()
        for part in 0..<3 {
            try folder.write("part\(part)", lines(part * 100...part * 100 + 99))
            all += try Data(
                contentsOf: URL(
                    fileURLWithPath: folder.path(try folder.compress("part\(part)", with: program))))
        }
        try folder.write("all", [UInt8](all))
        #expect(try read("all").positions.count == 300)
    }

    @Test("The last line of a compressed file needs no line end")
    func lastLine() throws {
        try folder.write("a", lines(1...3) + "{\"time\":\"2026-01-01\",\"type\":\"t\"}")
        try folder.compress("a", with: "gzip")
        #expect(try read("a.gz").positions.count == 4)
    }

    @Test("Of an archive that is cut, what could be read is read, and its end is told", arguments: programs)
    func cut(_ program: String) throws {
        try folder.write("log", lines(1...100_000))
        let name = try folder.compress("log", with: program)
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path(name))))
        try folder.write(name, Array(bytes[..<(bytes.count * 2 / 3)]))
        let plan = try plans([try folder.file(name)], known: [])[0]
        let outcome = try read(plan)
        #expect(outcome.positions.count > 10_000 && outcome.positions.count < 100_000)
        #expect(outcome.damage?.contains(program) == true && outcome.isAtEnd)
        #expect(outcome.details.last?.contains("\"n\":\(outcome.positions.count),") == true)

        // A sound copy in its place goes on behind what was read.
        try folder.write(name, bytes)
        let next = try plans([try folder.file(name)], known: [known(plan, outcome)])[0]
        #expect(next.identity == plan.identity && next.stretches[0].start == outcome.end.position)
        let rest = try read(next)
        #expect(outcome.positions.count + rest.positions.count == 100_000 && rest.damage == nil)
    }

    @Test("Bytes behind the last member are damage; zeros, with which tapes are filled up, are not")
    func trailing() throws {
        try folder.write("log", lines(1...2_000))
        let name = try folder.compress("log", with: "gzip")
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path(name))))
        try folder.write("garbage", bytes + Array("what is this?".utf8))
        let garbage = try read("garbage")
        #expect(garbage.positions.count == 2_000 && garbage.damage?.contains("garbage") == true)
        try folder.write("zeros", bytes + [UInt8](repeating: 0, count: 512))
        #expect(try read("zeros").damage == nil)
        try folder.write("second", bytes + Array(bytes[..<(bytes.count / 2)]))
        let second = try read("second")
        #expect(second.positions.count > 2_500 && second.positions.count < 4_000 && second.damage != nil)
    }

    @Test("Bytes turned over in the middle are damage")
    func turnedOver() throws {
        try folder.write("log", lines(1...20_000))
        let name = try folder.compress("log", with: "gzip")
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path(name))))
        for offset in 0..<64 { bytes[bytes.count / 2 + offset] ^= 0xA5 }
        try folder.write(name, bytes)
        let outcome = try read(name)
        #expect(outcome.damage != nil && outcome.positions.count > 5_000)
    }

    @Test("A compressed copy takes the place of the plain file", arguments: programs)
    func compressedLater(_ program: String) throws {
        try folder.write("app.log", lines(1...5_000))
        let plan = try plans(try folder.files("*"), known: [])[0]
        let first = try read(plan)
        try folder.write("app.log", lines(1...6_000))
        try folder.compress("app.log", with: program)
        let next = try plans(try folder.files("*"), known: [known(plan, first)])[0]
        #expect(next.identity == plan.identity && next.note?.contains("app.log under a new name") == true)
        let rest = try read(next)
        #expect(rest.positions.count == 1_000 && rest.positions.first == first.end.position)
    }

    @Test("A compressed copy beside the plain file is known as one, whichever is read first")
    func compressedBeside() throws {
        try folder.write("app.log", lines(1...5_000))
        try folder.write("copy", lines(1...5_000))
        try folder.rename(try folder.compress("copy", with: "gzip"), to: "app.log.gz")
        let both = try plans(try folder.files("*"), known: [])
        #expect(both.map(\.file.name) == ["app.log", "app.log.gz"])
        #expect(both[1].stretches == [] && both[1].note == "is a compressed copy of app.log")
        let later = try plans(try folder.files("*"), known: [known(both[0], try read(both[0]))])
        #expect(later.map { $0.stretches.count } == [0, 0])
        // One that is compressed right now is a beginning of the other.
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path("app.log.gz"))))
        try folder.write("app.log.gz", Array(bytes[..<(bytes.count / 2)]))
        #expect(try plans(try folder.files("*"), known: [])[1].stretches == [])
    }

    @Test(
        "A plain file beside the archive that it was taken from is known as its copy, and goes on from there")
    func decompressedBeside() throws {
        try folder.write("app.log", lines(1...500))
        try folder.compress("app.log", with: "gzip")
        let archive = try plans(try folder.files("*"), known: [])[0]
        let object = known(archive, try read(archive))
        let seen = archive.seen(damage: nil)
        try folder.write("app.log", lines(1...500))
        var planner = ReadPlanner(seen: [seen]) { [object] }
        let both = try planner.plans(try folder.files("*"))
        #expect(both.allSatisfy { $0.stretches.isEmpty && $0.identity == archive.identity })
    }

    @Test("A sound copy beside a damaged archive takes its object over")
    func soundCopyBeside() throws {
        try folder.write("a", lines(1...50_000))
        try folder.compress("a", with: "gzip")
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path("a.gz"))))
        try folder.write("a.gz", Array(bytes[..<(bytes.count / 2)]))
        let plan = try plans(try folder.files("*"), known: [])[0]
        let first = try read(plan)
        try folder.write("b.gz", bytes)
        for isFresh in [true, false] {
            var read = plan
            read.isFresh = isFresh
            var planner = ReadPlanner(seen: [read.seen(damage: first.damage)]) { [known(plan, first)] }
            let both = try planner.plans(try folder.files("*"))
            let sound = try #require(both.first { $0.file.name == "b.gz" })
            #expect(sound.identity == plan.identity && sound.stretches.map(\.start) == [first.end.position])
            let damaged = both.first { $0.file.name == "a.gz" }
            #expect(damaged?.stretches == [])
        }
    }

    @Test("Two compressed files with the same first KiB are told apart")
    func alikeBeginnings() throws {
        for (name, last) in [("a", 90), ("b", 91)] {
            try folder.write(name, lines(1...60) + lines(last...last))
            try folder.compress(name, with: "gzip")
        }
        let both = try plans(try folder.files("*"), known: [])
        #expect(Set(both.map(\.identity)).count == 2 && both.allSatisfy { $0.stretches.count == 1 })
    }

    @Test("What is known of a file that did not change needs no look into it")
    func unchanged() throws {
        try folder.write("a", lines(1...10))
        let plan = try plans(try folder.files("*"), known: [])[0]
        let seen = plan.seen(damage: nil)
        // Another file's content would show if it were opened.
        var planner = ReadPlanner(seen: [seen]) { throw CocoaError(.fileReadUnknown) }
        let next = try planner.plans(try folder.files("*"))[0]
        #expect(next.isUnchanged && next.stretches == [] && next.identity == plan.identity)
        try folder.write("a", lines(1...11))
        #expect(throws: CocoaError.self) {
            var planner = ReadPlanner(seen: [seen]) { throw CocoaError(.fileReadUnknown) }
            _ = try planner.plans(try folder.files("*"))
        }
    }

    @Test("Latin-1 and UTF-16 are read as their UTF-8 would be")
    func encodings() throws {
        let text = (0..<40_000).map {
            "{\"time\":\"2026-01-01\",\"type\":\"t\",\"n\":\($0),\"x\":\"Grüße ÿ €\u{1F600}\"}\n"
        }.joined()
        try folder.write("utf8", text)
        let plain = try read("utf8")
        #expect(plain.positions.count == 40_000)
        for (name, encoding, mark) in [
            ("le", String.Encoding.utf16LittleEndian, [0xFF, 0xFE] as [UInt8]),
            ("be", .utf16BigEndian, [0xFE, 0xFF]),
        ] {
            try folder.write(name, mark + [UInt8](try #require(text.data(using: encoding))))
            #expect(try read(name).details == plain.details)
            try folder.write(name, [UInt8](try #require(text.data(using: encoding))))
            let form = RecordForm(.ndjson, encoding: name == "le" ? .utf16LittleEndian : .utf16BigEndian)
            #expect(try read(name, form: form).details == plain.details)
            #expect(try read(name, form: form).positions == plain.positions)
        }
        let western = text.replacing("€\u{1F600}", with: "")
        try folder.write("western", western)
        try folder.write("latin1", [UInt8](try #require(western.data(using: .isoLatin1))))
        let form = RecordForm(.ndjson, encoding: .latin1)
        #expect(try read("latin1", form: form).details == read("western").details)
        #expect(try read("latin1", form: form, most: 10_000).positions == read("western").positions)
    }

    @Test("Half of a surrogate pair rejects its record")
    func halfPair() throws {
        let text = "{\"time\":\"2026-01-01\",\"type\":\"t\"}\n"
        var bytes: [UInt8] = []
        for unit in text.utf16 { bytes += [UInt8(unit & 0xFF), UInt8(unit >> 8)] }
        var broken = bytes
        broken[broken.count - 8] = 0x00
        broken[broken.count - 7] = 0xD8
        try folder.write("a", [0xFF, 0xFE] + broken + bytes)
        #expect(try read("a").positions.count == 1)
    }
}

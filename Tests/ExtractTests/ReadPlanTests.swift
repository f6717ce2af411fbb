import Events
import Extract
import Foundation
import Testing

/// What is read of files that grew, moved, were copied, cut or replaced.
@Suite
struct ReadPlanTests {
    private let folder: FolderOfFiles

    init() throws { folder = try FolderOfFiles() }

    private func lines(_ range: ClosedRange<Int>) -> String {
        range.map { "{\"time\":\"2026-01-01\",\"type\":\"t\",\"n\":\($0)}\n" }.joined()
    }

    /// What the ledger would hold once these plans were read to the end.
    private func read(_ plans: [ReadPlan], before: [KnownObject] = []) throws -> [KnownObject] {
        var known = before
        for plan in plans {
            guard let stretch = plan.stretches.last else { continue }
            let reader = try FileReader(
                plan, stretch, form: RecordForm(.ndjson, maxLine: 1 << 20), mapping: try anyMapping(),
                isSettled: false)
            var batch = EventBatch()
            var end: (position: Int64, line: Int64)?
            while try reader.fill(&batch) { end = (batch.range.end, batch.range.endLine) }
            guard let end else { continue }
            known.removeAll { $0.identity == plan.identity }
            known.append(
                KnownObject(
                    object: plan.file.name, identity: plan.identity, endPosition: end.position,
                    endLine: end.line, tailHash: try reader.tailHash()))
        }
        return known
    }

    private func plans(_ known: [KnownObject]) throws -> [ReadPlan] {
        try ExtractTests.plans(try folder.files("*"), known: known)
    }

    @Test("A file that did not change has nothing to read; one that grew goes on at its line")
    func continuation() throws {
        try folder.write("a", lines(1...100))
        let first = try plans([])
        #expect(first.count == 1 && first[0].note == nil)
        #expect(first[0].stretches.map(\.start) == [0] && first[0].stretches[0].isTail)
        let known = try read(first)
        #expect(try plans(known)[0].stretches == [])
        #expect(try plans(known)[0].remaining == 0)

        try folder.write("a", lines(1...101))
        let plan = try plans(known)[0]
        #expect(plan.identity == first[0].identity && plan.note == nil)
        #expect(plan.stretches.map(\.start) == [Int64(lines(1...100).utf8.count)])
        #expect(plan.stretches[0].line == 101)
        #expect(plan.remaining == Int64(lines(101...101).utf8.count))
    }

    @Test("A file that began shorter than the fingerprint's KiB stays the same when it grows past it")
    func shortFile() throws {
        try folder.write("a", lines(1...2))
        let known = try read(try plans([]))
        #expect(known[0].identity.hasPrefix("\(lines(1...2).utf8.count)-"))
        try folder.write("a", lines(1...500))
        let grown = try plans(known)[0]
        #expect(grown.identity == known[0].identity)
        #expect(grown.stretches.map(\.start) == [known[0].endPosition])
        let later = try read([grown], before: known)
        try folder.write("a", lines(1...600))
        #expect(try plans(later)[0].stretches.map(\.start) == [later[0].endPosition])
    }

    @Test("A renamed file goes on where it was, and says so")
    func rename() throws {
        try folder.write("a", lines(1...100))
        let known = try read(try plans([]))
        try folder.rename("a", to: "b")
        let plan = try plans(known)[0]
        #expect(plan.identity == known[0].identity && plan.stretches == [])
        #expect(plan.note == "is a under a new name")
    }

    @Test(
        "A rotated log: the old one goes on under its new name, the new one is new, and neither was truncated"
    )
    func rotation() throws {
        try folder.write("app.log", lines(1...100))
        let known = try read(try plans([]))
        try folder.rename("app.log", to: "app.log.1")
        try folder.write("app.log", lines(200...250), age: -10)
        let next = try plans(known)
        #expect(next.map(\.file.name) == ["app.log.1", "app.log"])
        #expect(next[0].stretches == [] && next[0].identity == known[0].identity)
        #expect(next[1].stretches.map(\.start) == [0] && next[1].identity != known[0].identity)
        #expect(next[1].note == nil)
    }

    @Test("A copy under another name is known as one, until it goes on by itself")
    func copy() throws {
        try folder.write("a", lines(1...100))
        var known = try read(try plans([]))
        try folder.write("b", lines(1...100))
        let second = try plans(known)
        #expect(second.map(\.identity) == [known[0].identity, known[0].identity])
        #expect(second.allSatisfy { $0.stretches == [] })
        #expect(second[1].note == "is a copy of a")
        known = try read(second, before: known)
        try folder.write("a", lines(1...101))
        try folder.write("b", lines(1...100) + lines(102...102))
        let third = try plans(known)
        #expect(third.map(\.identity) == [known[0].identity, known[0].identity + "#2"])
        #expect(third.map(\.stretches[0].start) == [Int64(lines(1...100).utf8.count), 0])
    }

    @Test("Short files that are equal are told apart: they may be so by chance")
    func shortCopy() throws {
        try folder.write("a", lines(1...2))
        let known = try read(try plans([]))
        try folder.write("b", lines(1...2))
        let second = try plans(known)
        #expect(second[1].identity == known[0].identity + "#2")
        #expect(second[1].stretches.map(\.start) == [0])
    }

    @Test("A file that goes on after a copy of it was compressed is the object still")
    func copiedAside() throws {
        try folder.write("a", lines(1...100))
        let known = try read(try plans([]))
        try FileManager.default.copyItem(atPath: folder.path("a"), toPath: folder.path("b"))
        let packed = try folder.compress("b", with: "gzip")
        var planner = ReadPlanner(seen: []) { known }
        let copied = try planner.plans(try folder.files("*"))
        #expect(copied.map(\.identity) == [known[0].identity, known[0].identity])
        try folder.write("a", lines(1...110))
        var next = ReadPlanner(seen: copied.map { $0.seen(damage: nil) }) { known }
        let plans = try next.plans(try folder.files("*"))
        let plain = try #require(plans.first { $0.file.name == "a" })
        #expect(plain.identity == known[0].identity)
        #expect(plain.stretches.map(\.start) == [Int64(lines(1...100).utf8.count)])
        #expect(plans.first { $0.file.name == packed }?.stretches == [])
    }

    @Test(
        "A sound archive in the place of a damaged one is read from its start; of one that was cut, only the rest is"
    )
    func mended() throws {
        for isCut in [false, true] {
            try folder.write(
                "a",
                (1...5_000).map { "{\"time\":\"2026-01-01\",\"type\":\"t\",\"n\":\($0 * 7_919)}\n" }.joined())
            let packed = try folder.compress("a", with: "gzip")
            let sound = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path(packed))))
            var spoilt = sound
            if isCut {
                spoilt.removeLast(sound.count / 2)
            } else {
                spoilt.replaceSubrange(
                    sound.count / 2..<sound.count / 2 + 8, with: [UInt8](repeating: 0x55, count: 8))
            }
            try FileManager.default.removeItem(atPath: folder.path(packed))
            try folder.write(packed, spoilt)
            let first = try plans([])
            let known = try read(first)
            let reader = try FileReader(
                first[0], first[0].stretches[0], form: RecordForm(.ndjson), mapping: try anyMapping(),
                isSettled: false)
            var batch = EventBatch()
            while try reader.fill(&batch) {}
            #expect(reader.damage != nil)
            let seen = first[0].seen(damage: reader.damage)
            try FileManager.default.removeItem(atPath: folder.path(packed))
            try folder.write(packed, sound)
            var planner = ReadPlanner(seen: [seen]) { known }
            let plan = try planner.plans(try folder.files("*"))[0]
            #expect((plan.identity == known[0].identity) == isCut)
            #expect(plan.stretches.map(\.start) == [isCut ? known[0].endPosition : 0])
            try FileManager.default.removeItem(atPath: folder.path(packed))
        }
    }

    @Test(
        "A file that was cut or overwritten since it was planned is left for the next run",
        arguments: [5, 300])
    func changedMeanwhile(_ last: Int) throws {
        try folder.write("a", lines(1...100))
        let known = try read(try plans([]))
        try folder.write("a", lines(1...200))
        let plan = try plans(known)[0]
        // In place: the file keeps its inode.
        let handle = try #require(FileHandle(forWritingAtPath: folder.path("a")))
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: Data(lines(2...last).utf8))
        try handle.close()
        let error = #expect(throws: ExtractError.self) {
            _ = try FileReader(
                plan, plan.stretches[0], form: RecordForm(.ndjson), mapping: try anyMapping(),
                isSettled: false)
        }
        #expect(error?.kind == .missing && error?.message.contains("run again") == true)
    }

    @Test(
        "Cut, emptied, or replaced by other bytes of any length: reported, and read from the start as new",
        arguments: [1...50, 300...399, 300...500])
    func replaced(_ range: ClosedRange<Int>) throws {
        try folder.write("a", lines(1...100))
        let known = try read(try plans([]))
        try folder.write("a", lines(range))
        let plan = try plans(known)[0]
        #expect(plan.identity != known[0].identity)
        #expect(plan.stretches.map(\.start) == [0] && plan.stretches[0].line == 1)
        #expect(plan.note?.contains("truncated or replaced") == true)
    }

    @Test("A file with the same beginning whose end was overwritten is new too")
    func overwritten() throws {
        try folder.write("a", lines(1...200))
        let known = try read(try plans([]))
        var bytes = Array(lines(1...201).utf8)
        bytes[lines(1...199).utf8.count + 5] ^= 1
        try folder.write("a", bytes)
        let plan = try plans(known)[0]
        #expect(plan.identity == known[0].identity + "#2" && plan.stretches.map(\.start) == [0])
    }

    @Test("Files that begin alike, seen first at once, have identities of their own that stay theirs")
    func alike() throws {
        let beginning = lines(1...60)
        for (name, last) in [("a", 70), ("b", 80), ("c", 90)] {
            try folder.write(name, beginning + lines(last...last))
        }
        let first = try plans([])
        #expect(Set(first.map(\.identity)).count == 3)
        let known = try read(first)
        for (name, last) in [("a", 70), ("b", 80), ("c", 90)] {
            try folder.write(name, beginning + lines(last...last + 1))
        }
        try folder.rename("b", to: "bb")
        let second = try plans(known.reversed())
        #expect(second.map(\.identity) == first.map(\.identity))
        #expect(second.allSatisfy { $0.stretches.count == 1 && $0.stretches[0].start > 1_024 })
    }

    @Test("CSV files with equal headers are told apart, also while they hold nothing else")
    func headers() throws {
        let header = "id,time,type\n"
        try folder.write("a.csv", header)
        try folder.write("b.csv", header + "1,2026-01-01,t\n")
        let first = try plans([])
        #expect(Set(first.map(\.identity)).count == 2)
        try folder.write("c.csv", header)
        #expect(Set(try plans([]).map(\.identity)).count == 3)
    }

    @Test("An object's holes come first, each with its line, and are no tails")
    func holes() throws {
        try folder.write("a", lines(1...100))
        let first = try read(try plans([]))[0]
        try folder.write("a", lines(1...110))
        let known = KnownObject(
            object: first.object, identity: first.identity, endPosition: first.endPosition,
            endLine: first.endLine, tailHash: first.tailHash,
            holes: [.init(start: 0, end: 100, line: 1), .init(start: 500, end: 700, line: 12)])
        let stretches = try plans([known])[0].stretches
        #expect(stretches.map(\.start) == [0, 500, first.endPosition])
        #expect(stretches.map(\.line) == [1, 12, 101])
        #expect(stretches.map(\.isTail) == [false, false, true])
    }

    @Test("Empty files have nothing to read")
    func empty() throws {
        try folder.write("a", "")
        try folder.write("b", "")
        #expect(try plans([]).map(\.stretches) == [[], []])
    }
}

/// A mapping that takes any object with a time and a type.
func anyMapping() throws -> SourceMapping {
    var mapping = EventMapping(
        occurredAt: .init(try FieldReference(parsing: "time")), type: try FieldReference(parsing: "type"),
        defaultService: "s", defaultEntity: "e")
    mapping.eventID = .position
    return SourceMapping(
        events: [mapping], isList: false,
        timeRange: Timestamp(
            microseconds: -62_135_596_800_000_000)...Timestamp(
                microseconds: 253_402_300_799_999_999))
}

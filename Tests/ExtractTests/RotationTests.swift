import Events
import Extract
import Foundation
import TestSupport
import Testing

/// Logs that are written, rotated, compressed, truncated, copied and deleted at random, and read now and then: against a
/// model that knows which lines could be read.
@Suite
struct RotationTests {
    /// What a ledger would keep.
    private struct Ledger {
        var known: [KnownObject] = []
        var seen: [String: SeenFile] = [:]
        /// How often each line was loaded, by its number.
        var loaded: [Int: Int] = [:]
    }

    /// The files as they should be: the numbers of their lines, negative of one that has no end yet.
    private struct Model {
        var files: [String: [Int]] = [:]
        var readable: Set<Int> = []
        var nextLine = 0
    }

    private static let environment = ProcessInfo.processInfo.environment
    private static let sequences = environment["DAYBOOK_TORTURE"] == "1" ? 10_000 : 1_000

    @Test("Nothing is lost that was readable at a run, and nothing comes twice")
    func rotations() throws {
        let first = UInt64(RotationTests.environment["DAYBOOK_TEST_SEED"] ?? "1") ?? 1
        for offset in 0..<UInt64(RotationTests.sequences) {
            let seed = first + offset
            do {
                if let problem = try Sequence(seed).run() { Issue.record("seed \(seed): \(problem)") }
            } catch {
                Issue.record("seed \(seed): \(error)")
            }
        }
    }

    private final class Sequence {
        let folder: FolderOfFiles
        var dice: Dice
        var model = Model()
        var ledger = Ledger()
        var history: [String] = []

        init(_ seed: UInt64) throws {
            folder = try FolderOfFiles()
            dice = Dice(seed: seed)
        }

        private func line(_ number: Int) -> String {
            "{\"time\":\"2026-01-01\",\"type\":\"t\",\"n\":\(number)}\n"
        }

        /// - Returns: what went wrong, if anything did.
        func run() throws -> String? {
            for _ in 0..<Int.random(in: 6...18, using: &dice) {
                try step()
                if Int.random(in: 0..<3, using: &dice) == 0, let problem = try load() { return problem }
            }
            return try load()
        }

        private func step() throws {
            switch Int.random(in: 0..<21, using: &dice) {
            case 0..<9: try write()
            case 9..<13: try rotate(compressing: false)
            case 13..<15: try rotate(compressing: true)
            case 15: try copyTruncate()
            case 16: try truncate()
            case 17: try delete()
            case 18: try compressOne()
            case 19: try copyAside()
            default: try replace()
            }
        }

        private func note(_ what: String) { history.append(what) }

        private func write() throws {
            var text = ""
            if var lines = model.files["app.log"], let last = lines.popLast(), last < 0 {
                // The line that was begun before gets its end.
                text = "}\n"
                model.files["app.log"] = lines + [-last]
            }
            for _ in 0..<Int.random(in: 1...(Bool.random(using: &dice) ? 3 : 60), using: &dice) {
                let number = nextNumber()
                text += line(number)
                model.files["app.log", default: []].append(number)
            }
            if Int.random(in: 0..<4, using: &dice) == 0 {
                let number = nextNumber()
                // Not a whole object yet, so that it waits.
                text += line(number).dropLast(2)
                model.files["app.log"]?.append(-number)
            }
            note("write \(text.count)")
            try append(text)
        }

        private func nextNumber() -> Int {
            model.nextLine += 1
            return model.nextLine
        }

        private func append(_ text: String) throws {
            let path = folder.path("app.log")
            if !FileManager.default.fileExists(atPath: path) {
                _ = FileManager.default.createFile(atPath: path, contents: nil)
            }
            let handle = try #require(FileHandle(forWritingAtPath: path))
            try handle.seekToEnd()
            try handle.write(contentsOf: Data(text.utf8))
            try handle.close()
        }

        private func rotate(compressing: Bool) throws {
            note("rotate\(compressing ? " and compress" : "")")
            try rotateNumbers()
            try move("app.log", to: "app.log.1")
            if compressing, model.files["app.log.2"] != nil {
                try compress("app.log.2", with: ["gzip", "zstd", "xz", "bzip2"].randomElement(using: &dice)!)
            }
        }

        private func move(_ name: String, to other: String) throws {
            guard let lines = model.files.removeValue(forKey: name) else { return }
            if model.files[other] != nil { try FileManager.default.removeItem(atPath: folder.path(other)) }
            try folder.rename(name, to: other)
            model.files[other] = lines
        }

        private func compress(_ name: String, with program: String) throws {
            guard let lines = model.files[name] else { return }
            let isKept = Int.random(in: 0..<4, using: &dice) == 0
            note("compress \(name) with \(program)\(isKept ? ", both stay for a while" : "")")
            if isKept {
                try FileManager.default.copyItem(atPath: folder.path(name), toPath: folder.path("kept"))
            }
            let packed = try folder.compress(name, with: program)
            model.files[packed] = lines
            if isKept {
                try folder.rename("kept", to: name)
                if let problem = try load() { throw Wrong(problem) }
                try FileManager.default.removeItem(atPath: folder.path(name))
            }
            model.files[name] = nil
        }

        private func compressOne() throws {
            guard
                let name = model.files.keys.filter({ $0.last!.isNumber && !$0.hasSuffix(".bz2") }).sorted()
                    .randomElement(
                        using: &dice),
                model.files.keys.filter({ $0.hasPrefix(name + ".") }).isEmpty
            else { return }
            try compress(name, with: ["gzip", "zstd"].randomElement(using: &dice)!)
        }

        /// As logrotate's copytruncate: what is written goes on in the same file, which begins anew.
        private func copyTruncate() throws {
            guard let lines = model.files["app.log"], !lines.isEmpty else { return }
            note("copytruncate")
            try rotateNumbers()
            try FileManager.default.copyItem(
                atPath: folder.path("app.log"), toPath: folder.path("app.log.1"))
            model.files["app.log.1"] = lines
            // A run may fall between the two; of a short file nobody could tell that it is a copy.
            if isLoadedLong(lines), Bool.random(using: &dice), let problem = try load() {
                throw Wrong(problem)
            }
            try empty()
        }

        /// Whether more than a fingerprint of these lines was loaded.
        private func isLoadedLong(_ lines: [Int]) -> Bool {
            lines.prefix { ledger.loaded[$0] != nil }.reduce(0) { $0 + line($1).utf8.count } > 1_024
        }

        /// A compressed copy of a log that goes on.
        private func copyAside() throws {
            guard let lines = model.files["app.log"],
                lines.reduce(0, { $0 + line(abs($1)).utf8.count }) > 1_100
            else { return }
            note("copy aside")
            if model.files.removeValue(forKey: "app.log.copy.gz") != nil {
                try FileManager.default.removeItem(atPath: folder.path("app.log.copy.gz"))
            }
            try FileManager.default.copyItem(
                atPath: folder.path("app.log"), toPath: folder.path("app.log.copy"))
            model.files[try folder.compress("app.log.copy", with: "gzip")] = lines
        }

        private func rotateNumbers() throws {
            for number in stride(from: 4, through: 1, by: -1) {
                for ending in ["", ".gz", ".zst", ".xz", ".bz2"] {
                    try move("app.log.\(number)\(ending)", to: "app.log.\(number + 1)\(ending)")
                }
            }
        }

        private func truncate() throws {
            guard model.files["app.log"] != nil else { return }
            note("truncate")
            try empty()
        }

        private func empty() throws {
            guard Foundation.truncate(folder.path("app.log"), 0) == 0 else {
                throw CocoaError(.fileWriteUnknown)
            }
            model.files["app.log"] = []
        }

        private func delete() throws {
            guard let name = model.files.keys.sorted().randomElement(using: &dice) else { return }
            note("delete \(name)")
            try FileManager.default.removeItem(atPath: folder.path(name))
            model.files[name] = nil
        }

        /// Another file in the place of the first, maybe with its inode.
        private func replace() throws {
            guard model.files.removeValue(forKey: "app.log") != nil else { return }
            note("replace")
            try FileManager.default.removeItem(atPath: folder.path("app.log"))
            try write()
        }

        struct Wrong: Error, CustomStringConvertible {
            let description: String
            init(_ description: String) { self.description = description }
        }

        /// A run: reads all that is new, and compares what was loaded with what should have been.
        private func load() throws -> String? {
            note("run")
            var planner = ReadPlanner(seen: Array(ledger.seen.values)) { self.ledger.known }
            let plans = try planner.plans(try folder.files("app.log*"))
            for plan in plans {
                for stretch in plan.stretches { try read(plan, stretch) }
                if plan.stretches.isEmpty, !plan.isUnchanged {
                    ledger.seen[plan.file.name] = plan.seen(damage: plan.damage)
                }
            }
            for lines in model.files.values { model.readable.formUnion(lines.filter { $0 > 0 }) }
            let twice = ledger.loaded.filter { $0.value > 1 }.keys.sorted()
            let lost = model.readable.filter { ledger.loaded[$0] == nil }.sorted()
            let invented = ledger.loaded.keys.filter { !model.readable.contains($0) }.sorted()
            guard !twice.isEmpty || !lost.isEmpty || !invented.isEmpty else { return nil }
            return "twice \(twice), lost \(lost), invented \(invented); \(history.joined(separator: ", "))"
        }

        private func read(_ plan: ReadPlan, _ stretch: ReadPlan.Stretch) throws {
            let reader = try FileReader(
                plan, stretch, form: RecordForm(.ndjson), mapping: try anyMapping(), isSettled: false)
            var batch = EventBatch()
            while try reader.fill(&batch) {
                for index in batch.events.indices {
                    let details = batch.arena.string(of: batch.events[index].details)
                    let number = Int(details.filter(\.isNumber)) ?? 0
                    ledger.loaded[number, default: 0] += 1
                }
                ledger.known.removeAll { $0.identity == plan.identity }
                ledger.known.append(
                    KnownObject(
                        object: plan.file.name, identity: plan.identity, endPosition: batch.range.end,
                        endLine: batch.range.endLine, tailHash: try reader.tailHash()))
            }
            if let damage = reader.damage { throw Wrong("\(plan.file.name): \(damage)") }
            if reader.isAtEndOfFile { ledger.seen[plan.file.name] = plan.seen(damage: nil) }
        }
    }
}

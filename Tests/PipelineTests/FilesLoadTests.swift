import Extract
import Foundation
import Pipeline
import TestSupport
import Testing
import Warehouse

/// Files that are compressed, rotated, damaged, replaced or being written, loaded run by run.
@Suite
struct FilesLoadTests {
    private let project: TemporaryProject
    private let database: TestDatabase

    static let programs = ["gzip", "zstd", "xz", "bzip2"]

    init() throws {
        project = try TemporaryProject()
        database = try TestDatabase()
        try define()
    }

    /// No record has an id of its own: one that is read twice is two events.
    private func define(_ file: String = "\"path\": \"logs/*\", \"format\": \"ndjson\"") throws {
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "sources": [ { "name": "shop", "file": { \(file) },
              "event": { "occurred_at": "time", "type": "type", "case_id": "order" } } ] }
            """)
    }

    private func line(_ number: Int) -> String {
        "{\"time\":\"2026-01-05T00:00:00Z\",\"type\":\"order.paid\",\"order\":\"o\(number)\",\"x\":\(number &* 2_654_435_761)}\n"
    }

    private func lines(_ range: ClosedRange<Int>) -> String { range.map(line).joined() }

    // MARK: - Files

    /// Compresses a file, which goes, or stays beside.
    ///
    /// - Returns: the name of what was made.
    @discardableResult
    private func compress(_ name: String, with program: String, keeps: Bool = false) throws -> String {
        let arguments = (program == "zstd" && !keeps ? ["-q", "--rm"] : []) + (keeps ? ["-k", "-q"] : [])
        let outcome = try Shell.run(
            "/usr/bin/env", [program] + arguments + [project.path(name)], in: project.directory,
            ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"])
        try #require(outcome.status == 0, "\(outcome.error)")
        return name + ["gzip": ".gz", "zstd": ".zst", "xz": ".xz", "bzip2": ".bz2"][program]!
    }

    private func rename(_ name: String, to other: String) throws {
        try FileManager.default.moveItem(atPath: project.path(name), toPath: project.path(other))
    }

    private func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: project.path(name))
    }

    private func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: project.path(name))))
    }

    /// Lets a file have been modified that long ago.
    private func age(_ name: String, seconds: Double = 3_600) throws {
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -seconds)], ofItemAtPath: project.path(name))
    }

    /// Changes what stands in a file, and nothing by which a change is seen: size, time of modification, inode.
    private func changeUnseen(_ name: String, _ change: (inout [UInt8]) -> Void) throws {
        let path = project.path(name)
        var before = stat()
        try #require(stat(path, &before) == 0)
        var content = try bytes(name)
        change(&content)
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.write(contentsOf: Data(content))
        try handle.close()
        #if canImport(Darwin)
            let times = [before.st_atimespec, before.st_mtimespec]
        #else
            let times = [before.st_atim, before.st_mtim]
        #endif
        try #require(utimensat(AT_FDCWD, path, times, 0) == 0)
        var after = stat()
        try #require(stat(path, &after) == 0)
        try #require(after.st_ino == before.st_ino && after.st_size == before.st_size)
    }

    // MARK: - What is there then

    private struct Outcome {
        let report: RunReport
        let notes: [String]
        var loaded: Int { report.counts.loaded }
        var damage: String? { (report.error as? DamagedFiles)?.description }
    }

    private func run() throws -> Outcome {
        var notes: [String] = []
        let report = try project.run(on: database, notes: { notes.append($0) })[0]
        return Outcome(report: report, notes: notes)
    }

    /// How often each order is there: all of them once.
    private func expectOnce(_ orders: ClosedRange<Int>) throws {
        #expect(
            try database.rows(
                "SELECT count(*), count(DISTINCT case_id), min(substr(case_id, 2)::int), max(substr(case_id, 2)::int) FROM raw.events"
            ) == [["\(orders.count)", "\(orders.count)", "\(orders.lowerBound)", "\(orders.upperBound)"]])
        #expect(
            try database.rows("SELECT sum(read), sum(loaded), sum(duplicate) FROM daybook.loads")
                == [["\(orders.count)", "\(orders.count)", "0"]])
        #expect(try Verification.problems(try Warehouse.connect(database.url)) == [])
    }

    private func expectDeeplySound() throws {
        let opened = try project.project()
        let deep = DeepVerification(opened, try Warehouse.connect(database.url)) { _ in }
        let found = try deep.run(try opened.pipelines([]))
        #expect(found.problems == [] && found.gone == 0)
    }

    /// object, damage and whether it can be told by its time that it did not change, of each file that is known.
    private func files() throws -> [[String]] {
        try database.rows("SELECT object, damage, modified_ns > 0 FROM daybook.files ORDER BY object")
    }

    // MARK: - Compressed

    @Test("A compressed file is loaded once, whatever it is compressed by", arguments: programs)
    func compressed(_ program: String) throws {
        try project.write("logs/app.log", lines(1...5_000))
        let name = try compress("logs/app.log", with: program)
        try age(name)
        let first = try run()
        #expect(first.loaded == 5_000 && first.report.error == nil)
        #expect(try files() == [[name, "∅", "t"]])
        #expect(try run().report.counts.read == 0)
        try expectOnce(1...5_000)
        try expectDeeplySound()
        let plain = lines(1...5_000).utf8.count
        #expect(
            try database.rows(
                "SELECT min(start_position), max(end_position), max(end_line) FROM daybook.loads")
                == [["0", "\(plain)", "5001"]])
    }

    @Test("A log that is rotated and compressed is loaded once, with what came last", arguments: programs)
    func rotated(_ program: String) throws {
        try project.write("logs/app.log", lines(1...1_000))
        #expect(try run().loaded == 1_000)
        try project.append("logs/app.log", lines(1_001...1_400))
        try rename("logs/app.log", to: "logs/app.log.1")
        try compress("logs/app.log.1", with: program)
        try project.write("logs/app.log", lines(1_401...1_500))
        let second = try run()
        #expect(second.loaded == 500)
        #expect(second.notes.contains { $0.contains("is logs/app.log under a new name") }, "\(second.notes)")
        // Compressed once more by something else, and again rotated.
        let ending = ["gzip": "gz", "zstd": "zst", "xz": "xz", "bzip2": "bz2"][program]!
        try rename("logs/app.log.1.\(ending)", to: "logs/app.log.2.\(ending)")
        try rename("logs/app.log", to: "logs/app.log.1")
        try compress("logs/app.log.1", with: program)
        let third = try run()
        #expect(third.report.counts.read == 0 && third.report.error == nil)
        try expectOnce(1...1_500)
        #expect(try database.value("SELECT count(DISTINCT object_identity) FROM daybook.loads") == "2")
        try expectDeeplySound()
    }

    @Test(
        "What is left of a log that is compressed to very little is loaded, alone as it is",
        arguments: programs)
    func compressedToLittle(_ program: String) throws {
        func same(_ range: ClosedRange<Int>) -> String {
            range.map { "{\"time\":\"2026-01-05\",\"type\":\"order.paid\",\"order\":\"o\($0)\"}\n" }.joined()
        }
        try project.write("logs/app.log", same(1...20_000))
        #expect(try run().loaded == 20_000)
        try project.append("logs/app.log", same(20_001...20_003))
        let name = try compress("logs/app.log", with: program)
        #expect(try bytes(name).count * 8 < same(1...20_000).utf8.count)
        #expect(try run().loaded == 3)
        try expectOnce(1...20_003)
    }

    @Test("A compressed copy beside its file is nothing new, whenever it comes")
    func besides() throws {
        try project.write("logs/app.log", lines(1...1_000))
        try compress("logs/app.log", with: "gzip", keeps: true)
        let first = try run()
        #expect(first.loaded == 1_000)
        try compress("logs/app.log", with: "zstd", keeps: true)
        #expect(try run().report.counts.read == 0)
        try expectOnce(1...1_000)
        // Once the plain file goes, its copies are what is left of it.
        try remove("logs/app.log")
        #expect(try run().report.counts.read == 0)
        try expectOnce(1...1_000)
    }

    @Test("The ending before that of the compression tells the format")
    func endings() throws {
        try define("\"path\": \"logs/*.csv.gz\"")
        try project.write("logs/a.csv", "time,type,order\n2026-01-05,order.paid,o1\n2026-01-05,order.paid,o2")
        try compress("logs/a.csv", with: "gzip")
        #expect(try run().loaded == 2)
        try expectOnce(1...2)
    }

    // MARK: - Damaged

    @Test(
        "What could be read of a damaged archive is loaded and transformed, and the run fails by its name",
        arguments: programs)
    func damaged(_ program: String) throws {
        let count = program == "bzip2" ? 100_000 : 40_000
        try project.write("logs/app.log", lines(1...count))
        let name = try compress("logs/app.log", with: program)
        let sound = try bytes(name)
        try project.write(name, Array(sound[..<(sound.count * 2 / 3)]))
        try age(name)
        try project.write("logs/zz.log", lines(count + 1...count + 10))

        let first = try run()
        let loaded = first.loaded
        #expect(loaded > 1_000 && loaded < count)
        #expect(first.report.status == .failed)
        #expect(first.damage?.contains("orders/shop: \(name) is damaged: \(program) says after") == true)
        #expect(!first.report.models.isEmpty)
        #expect(try database.value("SELECT count(*) FROM report.cases") == "\(loaded)")
        let told = try database.rows("SELECT status, error FROM daybook.runs")
        #expect(told.map { $0[0] } == ["failed"] && told[0][1].contains(name))
        #expect(try database.value("SELECT count(*) FROM daybook.rejects") == "0")
        let noted = try database.value("SELECT damage FROM daybook.files WHERE object = '\(name)'")
        #expect(noted?.hasPrefix("\(program) says after") == true)

        // That the file is not read again shows by what it says, which another content would change.
        try changeUnseen(name) { for index in $0.indices { $0[index] = 0x20 } }
        let second = try run()
        #expect(second.report.counts.read == 0 && second.damage == first.damage)
        #expect(second.report.status == .failed && !second.report.models.isEmpty)
        let outcome = try DaybookCommand(in: project.directory, database: database.url).run("run")
        #expect(
            outcome.status == 65 && outcome.error.contains(name) && outcome.error.contains("sound copies"))

        try project.write(name, sound)
        let third = try run()
        #expect(third.report.error == nil && third.loaded == count + 10 - loaded)
        try expectOnce(1...count + 10)
        #expect(try database.value("SELECT damage FROM daybook.files WHERE object = '\(name)'") == nil)
        #expect(try run().report.error == nil)
        try expectDeeplySound()
    }

    @Test("A damaged archive that is removed is no matter any more")
    func damagedAndGone() throws {
        try project.write("logs/app.log", lines(1...40_000))
        let name = try compress("logs/app.log", with: "gzip")
        try project.write(name, Array(try bytes(name).dropLast(5_000)))
        let loaded = try run().loaded
        #expect(loaded > 0)
        try remove(name)
        let next = try run()
        #expect(next.report.error == nil && next.report.counts.read == 0)
        #expect(try database.value("SELECT count(*) FROM raw.events") == "\(loaded)")
    }

    @Test("An archive of which nothing can be read fails the run by its name")
    func hopeless() throws {
        try project.write("logs/app.log", lines(1...100))
        let name = try compress("logs/app.log", with: "xz")
        try project.write(name, Array(try bytes(name).prefix(20)))
        try project.write("logs/b.log", lines(101...110))
        let first = try run()
        #expect(first.loaded == 10 && first.damage?.contains(name) == true)
        #expect(try run().damage == first.damage)
    }

    // MARK: - Tools

    @Test(
        "A program that is not installed is named",
        arguments: zip(programs, ["gzip", "zstd", "xz-utils", "bzip2"]))
    func missingTool(_ program: String, package: String) throws {
        try project.write("logs/app.log", lines(1...100))
        let name = try compress("logs/app.log", with: program)
        try FileManager.default.createDirectory(
            atPath: project.path("empty"), withIntermediateDirectories: true)
        var command = DaybookCommand(in: project.directory, database: database.url)
        command.environment["PATH"] = project.path("empty")
        let outcome = try command.run("run")
        #expect(outcome.status != 0)
        for words in [name, "the program \(program) is not installed", "apt-get install \(package)"] {
            #expect(outcome.error.contains(words), "\(outcome.error)")
        }
        #expect(try database.value("SELECT count(*) FROM raw.events") == "0")
        #expect(try run().loaded == 100)
        try expectOnce(1...100)
    }

    // MARK: - Unchanged, changed, replaced

    @Test("A file that looks as before is not opened; one that changed just before it was read is looked at")
    func unchanged() throws {
        try project.write("logs/old.log", lines(1...100))
        try age("logs/old.log")
        try project.write("logs/fresh.log", lines(101...200))
        #expect(try run().loaded == 200)
        #expect(try files() == [["logs/fresh.log", "∅", "f"], ["logs/old.log", "∅", "t"]])
        let swap: (inout [UInt8]) -> Void = { bytes in
            for index in bytes.indices where bytes[index] == UInt8(ascii: "5") {
                bytes[index] = UInt8(ascii: "6")
            }
        }
        try changeUnseen("logs/old.log", swap)
        try changeUnseen("logs/fresh.log", swap)
        let second = try run()
        #expect(second.loaded == 100)
        #expect(second.notes.filter { $0.contains("overwritten since it was read") }.count == 1)
        #expect(second.notes.contains { $0.contains("logs/fresh.log") })
        // By now it is old enough to be known by its time.
        try age("logs/fresh.log")
        #expect(try run().report.counts.read == 0)
        #expect(try files().map { $0[2] } == ["t", "t"])
    }

    @Test("A compressed file waits until it has not changed for the time of settle")
    func settles() throws {
        try define("\"path\": \"logs/*\", \"format\": \"ndjson\", \"settle\": \"10m\"")
        try project.write("logs/app.log", lines(1...1_000))
        let name = try compress("logs/app.log", with: "gzip")
        let whole = try bytes(name)
        // As it is while it is compressed.
        try project.write(name, Array(whole[..<(whole.count / 2)]))
        try project.write("logs/plain.log", lines(1_001...1_010))
        let first = try run()
        #expect(first.loaded == 10 && first.report.error == nil)
        #expect(first.notes.contains { $0.contains("\(name) is still being written (settle); it waits") })
        #expect(try files().map { $0[0] } == ["logs/plain.log"])
        try project.write(name, whole)
        #expect(try run().loaded == 0)
        try age(name, seconds: 500)
        #expect(try run().loaded == 0)
        try age(name, seconds: 700)
        #expect(try run().loaded == 1_000)
        try expectOnce(1...1_010)
    }

    @Test(
        "A file that is deleted, and another in its place, of any length",
        arguments: [1...50, 200...299, 200...400])
    func replaced(_ range: ClosedRange<Int>) throws {
        try project.write("logs/app.log", lines(1...100))
        #expect(try run().loaded == 100)
        try remove("logs/app.log")
        let none = try run()
        #expect(none.report.error == nil && none.report.counts.read == 0)
        try project.write("logs/app.log", lines(range))
        let next = try run()
        #expect(next.loaded == range.count && next.report.error == nil)
        #expect(try run().report.counts.read == 0)
        #expect(try database.value("SELECT count(*) FROM raw.events") == "\(100 + range.count)")
        #expect(try database.value("SELECT count(DISTINCT object_identity) FROM daybook.loads") == "2")
        #expect(try Verification.problems(try Warehouse.connect(database.url)) == [])
    }

    @Test("What a file lost before it was read is told")
    func lost() throws {
        let rest = "{\"time\":\"2026-01"
        try project.write("logs/app.log", lines(1...100) + rest)
        let first = try run()
        #expect(first.loaded == 100)
        #expect(first.notes.contains { $0.contains("the last \(rest.utf8.count) bytes of logs/app.log") })
        try project.write("logs/app.log", lines(1...100) + rest)
        try remove("logs/app.log")
        try project.write("logs/app.log", lines(200...210))
        let next = try run()
        #expect(next.loaded == 11)
        // Whether the new file has the inode of the old one is up to the file system.
        #expect(
            next.notes.contains { $0.contains("it is read from the start as a new object") }, "\(next.notes)")
    }

    @Test("An archive with another in its place is read anew")
    func archiveReplaced() throws {
        try project.write("logs/app.log", lines(1...1_000))
        let name = try compress("logs/app.log", with: "gzip")
        #expect(try run().loaded == 1_000)
        try remove(name)
        try project.write("logs/app.log", lines(1_001...1_200))
        try compress("logs/app.log", with: "gzip")
        #expect(try run().loaded == 200)
        #expect(try run().report.counts.read == 0)
        try expectOnce(1...1_200)
    }
}

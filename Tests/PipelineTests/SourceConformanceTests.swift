import Foundation
import Pipeline
import TestSupport
import Testing

/// What every source promises, whatever it is read from.
struct SourceConformanceTests {
    enum Kind: String, CaseIterable, Sendable {
        case ndjsonFile, csvFile, jsonAPI, ndjsonAPI, csvAPI
    }

    /// A source of one kind that offers records, and a database to load them into.
    private final class Scene {
        let kind: Kind
        let project: TemporaryProject
        let database: TestDatabase
        private let served = Served()
        private var api: TestAPI?

        /// What an API offers, in pages of a few.
        private final class Served: @unchecked Sendable {
            private let lock = NSLock()
            private var records: [String] = []
            var all: [String] {
                get { lock.withLock { records } }
                set { lock.withLock { records = newValue } }
            }
        }

        private static let pageSize = 4
        private static let header = "id,time,type,order_id,note\n"

        init(_ kind: Kind, maxLine: Int? = nil) throws {
            self.kind = kind
            project = try TemporaryProject()
            database = try TestDatabase()
            let limit = maxLine.map { ", \"max_line\": \($0)" } ?? ""
            let input: String
            switch kind {
            case .ndjsonFile: input = "\"file\": { \"path\": \"*.ndjson\"\(limit) }"
            case .csvFile: input = "\"file\": { \"path\": \"*.csv\"\(limit) }"
            case .jsonAPI, .ndjsonAPI, .csvAPI:
                let api = try TestAPI { [kind, served] in Scene.answer($0, kind, served.all) }
                self.api = api
                let format = kind == .jsonAPI ? "json" : kind == .ndjsonAPI ? "ndjson" : "csv"
                input = """
                    "http": { "url": "\(api.url)/", "format": "\(format)", "backoff": "10ms",
                      "pagination": { "type": "header_link" }\(limit) }
                    """
            }
            try project.write(
                "pipelines/shop.jsonc",
                """
                { "pipeline": "shop", "sources": [ { "name": "all", \(input),
                  "event": { "event_id": "id", "occurred_at": "time", "type": "type", "case_id": "order_id" } } ] }
                """)
        }

        private static func answer(_ request: TestAPI.Request, _ kind: Kind, _ records: [String])
            -> TestAPI.Answer
        {
            let from = Int(request.query["from"] ?? "0") ?? 0
            let page = records.dropFirst(from).prefix(pageSize)
            let next =
                from + pageSize < records.count ? [("Link", "</?from=\(from + pageSize)>; rel=next")] : []
            switch kind {
            case .jsonAPI: return .init("[" + page.joined(separator: ",") + "]", headers: next)
            case .csvAPI: return .init(header + page.map { $0 + "\n" }.joined(), headers: next)
            default: return .init(page.map { $0 + "\n" }.joined(), headers: next)
            }
        }

        var isCSV: Bool { kind == .csvFile || kind == .csvAPI }

        func record(_ number: Int, time: String? = nil, note: String = "n") -> String {
            let time = time ?? "2026-01-05T00:00:\(String(format: "%02d", number % 60))Z"
            return isCSV
                ? "e\(number),\(time),order.paid,o\(number / 3),\(note)"
                : #"{"id":"e\#(number)","time":"\#(time)","type":"order.paid","order_id":"o\#(number / 3)","note":"\#(note)"}"#
        }

        /// A file grows, an API has more.
        func offer(_ records: [String]) throws {
            switch kind {
            case .ndjsonFile: try project.write("all.ndjson", records.map { $0 + "\n" }.joined())
            case .csvFile: try project.write("all.csv", Scene.header + records.map { $0 + "\n" }.joined())
            default: served.all = records
            }
        }

        /// The ids in the order of loads and positions.
        func ids() throws -> [String] {
            try database.rows("SELECT event_id FROM raw.events ORDER BY load_id, position").map { $0[0] }
        }

        func verify() throws {
            let outcome = try DaybookCommand(in: project.directory, database: database.url).run("verify")
            #expect(outcome.status == 0, "\(outcome.out)\(outcome.error)")
        }
    }

    @Test(
        "Events stand in the order of the source, each once, at positions that grow", arguments: Kind.allCases
    )
    func order(_ kind: Kind) throws {
        let scene = try Scene(kind)
        try scene.offer((0..<50).map { scene.record($0) })
        let counts = try scene.project.counts(on: scene.database)
        #expect(counts.loaded == 50 && counts.read == 50)
        #expect(try scene.ids() == (0..<50).map { "e\($0)" })
        let positions = try scene.database.rows("SELECT position FROM raw.events ORDER BY load_id, position")
            .map { Int($0[0])! }
        #expect(Set(positions).count == 50 && positions == positions.sorted())
        try scene.verify()
        #expect(try scene.project.counts(on: scene.database).loaded == 0)
        #expect(try scene.ids().count == 50)
        try scene.verify()
    }

    @Test("Reading goes on at any point", arguments: Kind.allCases)
    func resumes(_ kind: Kind) throws {
        let scene = try Scene(kind)
        var offered = 0
        for step in [1, 0, 3, 4, 5, 1, 8, 20] {
            offered += step
            try scene.offer((0..<offered).map { scene.record($0) })
            #expect(try scene.project.counts(on: scene.database).loaded == step)
            #expect(try scene.ids() == (0..<offered).map { "e\($0)" })
        }
        try scene.verify()
    }

    @Test(
        "A bad record is rejected with its reason and its bytes; those around it are loaded",
        arguments: Kind.allCases)
    func badRecords(_ kind: Kind) throws {
        let scene = try Scene(kind)
        let bad = [
            scene.record(100, time: "yesterday"), scene.record(101, time: scene.isCSV ? "" : "no"),
            scene.record(102, time: "2999-01-01T00:00:00Z"),
        ]
        var records = (0..<9).map { scene.record($0) }
        for (index, record) in bad.enumerated() { records.insert(record, at: index * 4 + 1) }
        try scene.offer(records)
        let counts = try scene.project.counts(on: scene.database)
        #expect(counts.loaded == 9 && counts.rejected == 3 && counts.read == 12)
        let rejects = try scene.database.rows(
            "SELECT reason_code, convert_from(raw, 'UTF8'), line FROM daybook.rejects ORDER BY reject_id")
        #expect(
            rejects.map { $0[0] } == [
                "bad_time", scene.isCSV ? "missing_time" : "bad_time", "time_out_of_range",
            ])
        #expect(rejects.map { $0[1] } == bad)
        let first = scene.kind == .csvFile ? 3 : 2
        #expect(rejects.map { Int($0[2])! } == [first, first + 4, first + 8])
        try scene.verify()
    }

    @Test("What the server refuses alone is rejected alone, with its bytes", arguments: Kind.allCases)
    func refusedRecords(_ kind: Kind) throws {
        let scene = try Scene(kind)
        try scene.offer([])
        try scene.project.counts(on: scene.database)
        // A rule of the database's owner that no scanner knows.
        try scene.database.execute(
            "ALTER TABLE raw.events_by_day ADD CONSTRAINT no_seven CHECK (event_id NOT IN ('e7', 'e11'))")
        let records = (0..<20).map { scene.record($0) }
        try scene.offer(records)
        let counts = try scene.project.counts(on: scene.database)
        #expect(counts.loaded == 18 && counts.rejected == 2)
        let rejects = try scene.database.rows(
            "SELECT reason_code, convert_from(raw, 'UTF8'), line FROM daybook.rejects ORDER BY byte_offset")
        let first = scene.kind == .csvFile ? 2 : 1
        #expect(
            rejects == [
                ["refused_by_server", records[7], "\(7 + first)"],
                ["refused_by_server", records[11], "\(11 + first)"],
            ])
        try scene.verify()
    }

    @Test(
        "A source that has nothing is no error, and one that has something later is read then",
        arguments: Kind.allCases)
    func empty(_ kind: Kind) throws {
        let scene = try Scene(kind)
        try scene.offer([])
        #expect(try scene.project.counts(on: scene.database).read == 0)
        try scene.offer([scene.record(1)])
        #expect(try scene.project.counts(on: scene.database).loaded == 1)
        try scene.verify()
    }

    @Test(
        "A huge record is loaded, and one that is larger than it may be is rejected", arguments: Kind.allCases
    )
    func huge(_ kind: Kind) throws {
        let scene = try Scene(kind, maxLine: 4 << 20)
        let large = String(repeating: "x", count: 3 << 20)
        let larger = String(repeating: "y", count: 5 << 20)
        try scene.offer(
            [scene.record(0), scene.record(1, note: large), scene.record(2, note: larger)]
                + (3..<9).map { scene.record($0) })
        let counts = try scene.project.counts(on: scene.database)
        #expect(counts.loaded == 8 && counts.rejected == 1)
        #expect(
            try scene.database.value("SELECT max(length(details ->> 'note')) FROM raw.events") == "\(3 << 20)"
        )
        #expect(
            try scene.database.rows("SELECT reason_code, length(raw) FROM daybook.rejects") == [
                ["line_too_long", "1024"]
            ])
        try scene.verify()
    }

    @Test("Many records are many batches, and none is lost between them", arguments: Kind.allCases)
    func many(_ kind: Kind) throws {
        let scene = try Scene(kind)
        // An API of a test has pages of a few, so that there are many.
        let count = kind == .ndjsonFile || kind == .csvFile ? 150_000 : 2_000
        try scene.offer((0..<count).map { scene.record($0) })
        #expect(try scene.project.counts(on: scene.database).loaded == count)
        #expect(try scene.database.value("SELECT count(DISTINCT event_id) FROM raw.events") == "\(count)")
        try scene.verify()
    }
}

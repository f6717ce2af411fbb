import Foundation
import Postgres
import SQLFiles
import TestSupport
import Testing
import Transform
import Warehouse

/// What is made of what: the order of the graph, its parts, its picture, and what a database adds.
@Suite
struct LineageTests {
    private static let sources = [
        Lineage.Source(pipeline: "orders", name: "checkout", description: "ndjson: logs/*.ndjson"),
        Lineage.Source(pipeline: "orders", name: "table", description: "csv: orders.csv"),
    ]

    /// Our models, and those of a project.
    private func models(_ own: [String: String] = [:]) throws -> [Model] {
        let project = try TemporaryProject()
        for (name, text) in own { try project.write("sql/transforms/\(name).sql", text) }
        let files = try SQLFiles.builtin.adding(project: URL(fileURLWithPath: project.path("sql")))
        return try Model.ordered(files.folder("transforms"))
    }

    private func lineage(_ own: [String: String] = [:]) throws -> Lineage {
        Lineage(sources: LineageTests.sources, models: try models(own))
    }

    private func edge(_ lineage: Lineage, _ from: String, _ to: String) -> Lineage.Edge? {
        lineage.edges.first { $0.from == from && $0.to == to }
    }

    @Test(
        "From the files alone the graph goes from the sources to the report tables, each after what it reads")
    func order() throws {
        let lineage = try lineage()
        let names = lineage.nodes.map(\.name)
        #expect(Set(names).count == names.count)
        for edge in lineage.edges {
            let (from, to) = (try #require(names.firstIndex(of: edge.from)), names.firstIndex(of: edge.to))
            #expect(from < (to ?? 0), "\(edge)")
            #expect(edge.columns.isEmpty)
        }
        let way = [
            ("orders.checkout", Lineage.Kind.source), ("raw.events", .events), ("raw.current_events", .view),
            ("report.fact_sla", .model), ("report.sla_hourly", .model),
            ("report.sla_hourly_history", .history),
        ]
        for ((from, _), (to, _)) in zip(way, way.dropFirst()) {
            #expect(edge(lineage, from, to) != nil, "\(from) \(to)")
        }
        for (name, kind) in way { #expect(lineage.node(name)?.kind == kind, "\(name)") }
        #expect(lineage.node("daybook.slas")?.kind == .catalogue)
        #expect(lineage.node("report.cases")?.description.hasPrefix("One row for each entity") == true)
    }

    @Test("A node has around it all that it is made of and all that is made of it, and nothing else")
    func around() throws {
        let near = try lineage([
            "b": "-- model: report.b\n-- key: case_id\n-- from: report.cases\nSELECT 1",
            "c": "-- model: report.c\n-- key: case_id\n-- from: report.b, public.prices\nSELECT 1",
        ]).around("report.b")
        #expect(
            Set(near.nodes.map(\.name)) == [
                "orders.checkout", "orders.table", "raw.events", "raw.current_events", "report.cases",
                "report.b", "report.c",
            ])
        #expect(near.reads(of: "report.c").map(\.from) == ["report.b"])
        #expect(near.readers(of: "raw.current_events").map(\.to) == ["report.cases"])
    }

    @Test("A pipeline may have the name of a schema, and a source that of a table")
    func sameNames() throws {
        let source = Lineage.Source(pipeline: "report", name: "cases", description: "")
        let lineage = Lineage(sources: [source, source], models: try models())
        #expect(lineage.node("report.cases")?.kind == .model)
        #expect(
            lineage.nodes.filter { $0.kind == .source }.map(\.name) == [
                "report.cases (source)", "report.cases (source) (source)",
            ])
    }

    @Test("Mermaid gets plain ids, and names in quotes that no name can end")
    func mermaid() {
        let source = Lineage.Source(
            pipeline: "a\"]", name: "end;é", description: "csv: `x` --> y%%[<b>#1\n{z}|/*.csv")
        #expect(
            Lineage(sources: [source], models: []).mermaid(focus: "raw.events") == """
                flowchart LR
                  n0[/"a#34;#93;.end#59;é<br/>csv#58; #96;x#96; --#62; y#37;#37;#91;#60;b#62;#35;1 #123;z#125;#124;/#42;.csv"/]
                  n1[("raw.events")]
                  n0 --> n1
                  style n1 stroke-width:4px
                """)
    }

    @Test("A database tells which columns are read, through its own views too, and is left as it was")
    func columns() throws {
        let database = try TestDatabase()
        let connection = try Warehouse.open(database.url).connection
        try connection.execute(
            """
            CREATE TABLE public.prices (case_id text, "Price, net" numeric);
            CREATE VIEW public.priced AS SELECT case_id, "Price, net" AS price FROM public.prices;
            CREATE VIEW public.elsewhere AS SELECT * FROM public.prices;
            CREATE SCHEMA mart;
            CREATE VIEW mart.late AS SELECT sla, late FROM report.sla_hourly WHERE hour_start > '2026-01-01';
            COMMENT ON COLUMN mart.late.late IS 'Too late'
            """)
        let models = try models([
            "a": """
            -- model: report.a
            -- key: case_id
            -- from: report.cases, public.priced
            SELECT case_id, price AS "Amount" FROM report.cases JOIN public.priced USING (case_id);
            """,
            // Reads what no transform has made yet, and something that the header leaves out.
            "b": """
            -- model: report.b
            -- key: case_id
            -- from: report.a
            SELECT case_id, "Amount", (SELECT count(*) FROM daybook.runs) AS runs FROM report.a
            """,
            "c":
                "-- model: report.c\n-- key: case_id\n-- from: report.a\nSELECT case_id,\n  pice FROM report.a",
            "d": "-- model: report.d\n-- key: x\n-- from: report.a\nDELETE FROM report.a RETURNING 1 AS x",
        ])
        let before = try database.value("SELECT count(*) FROM pg_class")
        let known = try KnownRelations(of: models, connection)
        #expect(!connection.isInTransaction)
        #expect(try database.value("SELECT count(*) FROM pg_class") == before)

        let lineage = Lineage(sources: LineageTests.sources, models: models, known: known)
        func columns(_ from: String, _ to: String) -> [String]? { edge(lineage, from, to)?.columns }
        #expect(columns("raw.events", "report.fact_sla") == ["entity", "type"])
        #expect(columns("raw.events", "raw.current_events")?.count == 14)
        #expect(columns("report.cases", "report.a") == ["case_id"])
        #expect(columns("public.priced", "report.a") == ["case_id", "price"])
        #expect(columns("public.prices", "public.priced") == ["case_id", "Price, net"])
        #expect(columns("report.a", "report.b") == ["case_id", "Amount"])
        #expect(columns("daybook.runs", "report.b") == [])
        #expect(columns("report.a", "report.c") == [])
        #expect(columns("report.sla_hourly", "mart.late") == ["sla", "hour_start", "late"])
        #expect(lineage.node("public.elsewhere") == nil)
        #expect(lineage.node("raw.events_by_day") == nil)
        #expect(lineage.node("public.prices")?.kind == .table && lineage.node("mart.late")?.kind == .view)

        #expect(lineage.node("mart.late")?.columns.last?.description == "Too late")
        #expect(
            lineage.node("report.a")?.columns.map { "\($0.name): \($0.type)" } == [
                "case_id: text", "Amount: numeric",
            ])
        #expect(lineage.node("report.sla_hourly")?.columns.last?.name == "restated_at")
        #expect(known.notes.count == 2)
        #expect(
            known.notes[0].contains("report.c reads are missing: ") && known.notes[0].contains("c.sql:5: "))
        #expect(known.notes[1].contains("d.sql:4: "))
    }

    @Test("Views that lead a model back to itself end no walk")
    func circle() throws {
        let models = try models([
            "a": "-- model: report.a\n-- key: x\n-- from: public.v\nSELECT 1"
        ])
        let known = KnownRelations(
            relations: [:], reads: ["public.v": ["report.a": ["x"]], "report.a": ["public.v": ["x"]]])
        let lineage = Lineage(sources: [], models: models, known: known)
        #expect(Set(lineage.around("report.a").nodes.map(\.name)) == ["report.a", "public.v"])
        #expect(lineage.mermaid().contains("flowchart"))
    }

    @Test("A server that lets nobody write tells the columns of relations, and why it tells no more")
    func readOnly() throws {
        let database = try TestDatabase()
        let connection = try Warehouse.open(database.url).connection
        try connection.execute("SET default_transaction_read_only = on")
        let known = try KnownRelations(of: try models(), connection)
        #expect(known.notes.count == 1 && known.notes[0].contains("read-only"))
        #expect(known.relations["report.cases"]?.columns.count == 7)
        #expect(known.reads["raw.current_events"]?["raw.events"]?.count == 14)
    }
}

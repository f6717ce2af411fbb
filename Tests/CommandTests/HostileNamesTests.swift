import Foundation
import TestSupport
import Testing

/// What would end a string, a name, a format or an element in one language or another.
private let hostileNames = [
    "x'; DROP SCHEMA report CASCADE; --", "x\"; DROP SCHEMA report CASCADE; --",
    "$1 %s %I %% \\' \\n $$ ${HOME} `id`",
    "</script><script>alert(1)</script>&amp;",
]

/// Names and values of definitions, events and command lines, through every verb: they are what they are, and nothing more.
@Suite
struct HostileNamesTests {
    private let project: TemporaryProject
    private let database: TestDatabase
    private let command: DaybookCommand

    init() throws {
        project = try TemporaryProject()
        database = try TestDatabase()
        command = DaybookCommand(in: project.directory, database: database.url)
    }

    /// A JSON string.
    private func quoted(_ text: String) throws -> String {
        String(decoding: try JSONEncoder().encode(text), as: UTF8.self)
    }

    private func define(_ name: String) throws {
        // ${NAME} in a definition is a value of the environment.
        let name = name.replacingOccurrences(of: "${", with: "$ {")
        let text = try quoted(name)
        func of(_ end: String) throws -> String { try quoted("\(name).\(end)") }
        try project.write(
            "pipelines/orders.jsonc",
            """
            { "pipeline": "orders", "entity": \(text), "clock": "data", "schedule": "5 * * * *",
              "sources": [ { "name": \(text), "file": { "path": "a.ndjson" }, "keep_original": true,
                "freshness": { "error": "1h" },
                "event": { "event_id": "id", "occurred_at": "at", "type": "type", "case_id": "order", "service": "service",
                  "user_id": "user", "correlation_id": "trace" } } ],
              "keys": { "invoice": ["details.invoice"] },
              "slas": [ { "name": \(text), "description": \(text), "owner": \(text), "start": \(try of("made")),
                "end": \(try of("sent")), "within": "1h", "target": 0.9, "alerts": [ { "type": "overdue" } ] } ],
              "alerts": [ { "name": \(text), "type": "event_count", "event": \(try of("made")), "above": 0,
                "window": "1h" } ] }
            """)
    }

    private func write(_ name: String) throws {
        func line(_ id: String, _ minute: Int, _ type: String, _ order: String) throws -> String {
            let object = [
                "id": id + name, "at": "2026-01-05T10:\(minute):00Z", "type": type, "order": order,
                "service": name, "user": name, "trace": name, "invoice": name, "note": name,
            ]
            return String(decoding: try JSONEncoder().encode(object), as: UTF8.self) + "\n"
        }
        let named = name.replacingOccurrences(of: "${", with: "$ {")
        try project.write(
            "a.ndjson",
            try line("1", 10, "\(named).made", name) + line("2", 20, "\(named).sent", name)
                + line("3", 30, "\(named).made", name + "2") + "{\"order\": \(quoted(name)), \"at\": 1\n")
    }

    @Test("Every verb takes hostile names for what they are", arguments: hostileNames)
    func everyVerb(name: String) throws {
        try define(name)
        try write(name)
        let named = name.replacingOccurrences(of: "${", with: "$ {")
        let role = "r\(UUID().uuidString.prefix(6)) \(name)"
        defer {
            let quoted = role.replacingOccurrences(of: "\"", with: "\"\"")
            try? database.execute("DROP OWNED BY \"\(quoted)\"; DROP ROLE \"\(quoted)\"")
        }
        let check = try command.run("check")
        #expect(check.status == 0, "\(check.error)")
        let verbs: [([String], Set<Int32>)] = [
            (["preview"], [0]), (["run", "--dry-run"], [0]), (["run"], [0]),
            (["transform", "--full-refresh"], [0]),
            (["restate", "orders", "--from", "2026-01-05", "--to", "2026-01-05"], [0]), (["runs"], [0]),
            (["status"], [0, 2]), (["alerts"], [0]), (["alerts", "list", "--case", name], [0]),
            (["alerts", "silence", "--case", name, "--for", "1h", "--reason", name], [0]),
            (["report", "--", named], [0]), (["report", "--by", "end", "--json", "--", named], [0]),
            (["report", "--compare", "last_day", "--", named], [0]),
            (["report", "--format", "html", "--out", "r.html", "--", named], [0]),
            (["explain", "--", named, "2026-01-05T10:00"], [0]),
            (["explain", "--json", "--", named, "2026-01-05T10:00"], [0]),
            (["trace", "--", name], [0]), (["trace", "--json", "--", name], [0]),
            (["trace", "--format", "html", "--out", "t.html", "--", name], [0]),
            (["trace", "--correlation", name], [0]),
            (["trace", "--entity", named, "--", name], [0]), (["locate", "--", name], [0]),
            (["locate", "--json", "--", name], [0]), (["find", "--", "invoice=\(name)"], [0]),
            (["find", "--", "details.note=\(name)", "user_id=\(name)"], [0]),
            (["find", "--", "\(name)=\(name)"], [0, 1, 64]),
            (["expect", "--timeout", "1s", "--", name, "\(named).made"], [0, 2]),
            (["rejects", "list"], [0]), (["rejects", "list", "--source", named], [0]),
            (["rejects", "show", "1"], [0]),
            (["rejects", "replay", "--reason", name], [0, 1, 64, 65]),
            (["rejects", "discard", "1", "--why", name, "--by", name], [0]),
            (["resend", "--case", name, "--to-command", "cat >/dev/null", "--send"], [0]),
            (
                [
                    "resend", "--type", "\(named).made", "--to-command", "cat >/dev/null", "--format",
                    "original", "--send",
                ], [0]
            ),
            (["resend", "log", "--case", name], [0]), (["drift"], [0, 2]), (["lineage"], [0]),
            (["lineage", "--json"], [0]),
            (["lineage", "--", named], [0]), (["verify", "--deep"], [0]),
            (["compact", "--older-than", "1d"], [0]),
            (["retain", "--raw", "9000d", "--dry-run"], [0]),
            (["export", "events", "--out", "e.ndjson"], [0]),
            (["export", "--", name], [64, 1]), (["test"], [0]), (["test", "--", name], [64, 1]),
            (["dashboards", "--for", "grafana", "--out", "g"], [0]),
            (["dashboards", "--for", "superset", "--out", "s"], [0]),
            (["dashboards", "--for", "metabase", "--out", "m"], [0]), (["schedule", "--next", "2"], [0]),
            (["grant-reader", "--passfile", "p", "--", role], [0]), (["erase", "--", name], [0]),
            (["erase", "--user", name], [0]), (["verify"], [0]),
        ]
        for (arguments, codes) in verbs {
            let outcome = try Shell.run(
                DaybookCommand.path, arguments, in: project.directory, command.environment)
            #expect(
                codes.contains(outcome.status),
                "\(arguments): \(outcome.status) \(outcome.out) \(outcome.error)")
            #expect(outcome.signal == nil, "\(arguments)")
        }
        #expect(try database.value("SELECT count(*) FROM report.cases") == "2")
        #expect(try database.value("SELECT count(*) FROM raw.events") == "3")
        #expect(
            try database.rows("SELECT case_id FROM report.fact_sla ORDER BY 1") == [[name], [name + "2"]])
        let erased = try Shell.run(
            DaybookCommand.path, ["erase", "--yes", "--", name], in: project.directory, command.environment)
        #expect(erased.status == 0, "\(erased.error)")
        #expect(try database.rows("SELECT case_id FROM report.cases") == [[name + "2"]])
    }
}

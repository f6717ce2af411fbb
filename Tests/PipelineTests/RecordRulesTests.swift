import Events
import Foundation
import Pipeline
import TestSupport
import Testing
import Warehouse

/// Which records of a source count, and what of them must not be stored.
struct RecordRulesTests {
    // MARK: - where

    /// Conditions, and the numbers of the records that they let pass.
    struct Filter: Sendable, CustomTestStringConvertible {
        let conditions: String
        let passing: [Int]
        /// Where an empty text is absent and all values are texts; nil: the same.
        let passingLines: [Int]?

        init(_ conditions: String, _ passing: [Int], lines: [Int]? = nil) {
            (self.conditions, self.passing, passingLines) = (conditions, passing, lines)
        }

        var testDescription: String { conditions }
    }

    private static let records = [
        #""level":"info","amount":5,"ok":true,"tag":"b""#,
        #""level":"warn","amount":10.0,"tag":"caf\u00e9""#,
        #""level":"error","amount":"10""#,
        #""amount":-3.5,"tag":"a","ok":false"#,
        #""level":null,"amount":"many""#,
        #""level":"","in":{"x":["p",{"y":7}]},"tag":"cafe\u0301""#,
        #""level":"INFO","amount":1e1,"in":{"x":"q"}"#,
    ]

    private static let cells = [
        "info,5,true,b", "warn,10.0,,caf\u{E9}", "error,10,,", ",-3.5,false,a", ",many,,", ",,,cafe\u{301}",
        "INFO,1e1,,",
    ]

    static let filters = [
        Filter(#"{"level": "info"}"#, [1]), Filter(#"{"level": ["info", "warn", "none"]}"#, [1, 2]),
        Filter(#"{"level": {"=": "info"}}"#, [1]), Filter(#"{"level": {"=": ["info", "error"]}}"#, [1, 3]),
        Filter(#"{"level": {"!=": "info"}}"#, [2, 3, 4, 5, 6, 7]),
        Filter(#"{"level": {"in": ["warn", "error"]}}"#, [2, 3]),
        Filter(#"{"level": {"not_in": ["info", "warn", ""]}}"#, [3, 4, 5, 7], lines: [3, 4, 5, 6, 7]),
        Filter(#"{"level": {"exists": true}}"#, [1, 2, 3, 6, 7], lines: [1, 2, 3, 7]),
        Filter(#"{"level": {"exists": false}}"#, [4, 5], lines: [4, 5, 6]),
        Filter(#"{"level": null}"#, [4, 5], lines: [4, 5, 6]),
        Filter(#"{"level": ""}"#, [6], lines: []),
        // With a number, a text counts as the number that it is written as.
        Filter(#"{"amount": 10}"#, [2, 3, 7]), Filter(#"{"amount": [5, -3.5]}"#, [1, 4]),
        Filter(#"{"amount": {"!=": 10}}"#, [1, 4, 5, 6]), Filter(#"{"amount": {">": 5}}"#, [2, 3, 7]),
        Filter(#"{"amount": {">=": 5, "<": 10}}"#, [1]), Filter(#"{"amount": {"<=": 5}}"#, [1, 4]),
        Filter(#"{"amount": {"<": 0}}"#, [4]),
        // With a text, as it is written.
        Filter(#"{"amount": "10"}"#, [3]), Filter(#"{"amount": "10.0"}"#, [2]),
        Filter(#"{"amount": {"!=": "10"}}"#, [1, 2, 4, 5, 6, 7]),
        Filter(#"{"level": {">": "info"}}"#, [2]), Filter(#"{"level": {">=": "info"}}"#, [1, 2]),
        Filter(#"{"level": {"<": "error"}}"#, [6, 7], lines: [7]),
        Filter(#"{"level": {"<=": "error"}}"#, [3, 6, 7], lines: [3, 7]),
        Filter(#"{"tag": "caf\u00e9"}"#, [2]), Filter(#"{"tag": "cafe\u0301"}"#, [6]),
        Filter(#"{"ok": true}"#, [1]), Filter(#"{"ok": {"!=": false}}"#, [1, 2, 3, 5, 6, 7]),
        // All conditions of one of the alternatives.
        Filter(#"{"level": "info", "amount": {"<": 5}}"#, []),
        Filter(#"{"level": "info", "amount": 5, "ok": {"exists": true}}"#, [1]),
        Filter(#"[{"level": "info"}, {"amount": {"<": 0}}, {"level": "none"}]"#, [1, 4]),
        Filter(#"[{"tag": {"exists": true}, "ok": null}]"#, [2, 6]),
    ]

    private static let nestedFilters = [
        Filter(#"{"in.x": {"exists": true}}"#, [6, 7]), Filter(#"{"in.x": "q"}"#, [7]),
        Filter(#"{"/in/x/1/y": 7}"#, [6]), Filter(#"{"in": null}"#, [1, 2, 3, 4, 5]),
        Filter(#"{"in.x.0": {"in": ["p"]}}"#, [6]),
    ]

    private static let event = """
        "event": { "occurred_at": "at", "type": "what", "event_id": "n" }
        """

    /// Loads `text` by a filter; gives the numbers of the events that are there then.
    private func load(_ filter: Filter, _ file: String, keys: String = "", _ text: String) throws -> [Int] {
        let (project, database) = (try TemporaryProject(), try TestDatabase())
        try project.write(
            "pipelines/logs.jsonc",
            """
            { "pipeline": "logs", "sources": [ { "name": "all", "file": { "path": "\(file)"\(keys) },
              \(Self.event), "where": \(filter.conditions) } ] }
            """)
        try project.write(file, text)
        let counts = try project.counts(on: database)
        #expect(counts.read == 7 && counts.filtered == 7 - counts.loaded)
        let ledger = try database.rows(
            "SELECT read, loaded, duplicate + rejected, filtered FROM daybook.loads")
        #expect(ledger == [["7", "\(counts.loaded)", "0", "\(counts.filtered)"]])
        #expect(try Verification.problems(try Warehouse.connect(database.url)) == [])
        return try database.rows("SELECT event_id FROM raw.events").compactMap { Int($0[0]) }.sorted()
    }

    @Test("Of NDJSON, those records pass that meet the conditions", arguments: filters + nestedFilters)
    func filtersNDJSON(_ filter: Filter) throws {
        let text = Self.records.enumerated().map {
            "{\"n\":\($0 + 1),\"at\":\"2026-01-05\",\"what\":\"a\",\($1)}\n"
        }
        #expect(try load(filter, "a.ndjson", text.joined()) == filter.passing)
    }

    @Test("Of CSV, too", arguments: filters)
    func filtersCSV(_ filter: Filter) throws {
        let text = Self.cells.enumerated().map { "\($0 + 1),2026-01-05,a,\($1)\n" }
        #expect(
            try load(filter, "a.csv", "n,at,what,level,amount,ok,tag\n" + text.joined())
                == filter.passingLines ?? filter.passing)
    }

    @Test("And of what is translated", arguments: filters)
    func filtersLogfmt(_ filter: Filter) throws {
        let names = ["level", "amount", "ok", "tag"]
        let text = Self.cells.enumerated().map { index, cells in
            let members = zip(names, cells.split(separator: ",", omittingEmptySubsequences: false))
                .map { "\($0)=\($1)" }
            return "n=\(index + 1) at=2026-01-05 what=a \(members.joined(separator: " "))\n"
        }
        #expect(
            try load(filter, "a.log", keys: ", \"format\": \"logfmt\"", text.joined())
                == filter.passingLines ?? filter.passing)
    }

    @Test("What does not pass needs no time; what is malformed is rejected still, and all are counted")
    func conservation() throws {
        let (project, database) = (try TemporaryProject(), try TestDatabase())
        try project.write(
            "pipelines/logs.jsonc",
            """
            { "pipeline": "logs", "sources": [ { "name": "all", "file": { "path": "a.ndjson" },
              \(Self.event), "where": {"level": "info"} } ] }
            """)
        try project.write(
            "a.ndjson",
            """
            {"n":1,"at":"2026-01-05","what":"a","level":"info"}
            {"n":1,"at":"2026-01-05","what":"a","level":"info"}
            {"n":2,"level":"debug"}
            {"n":3,"at":"soon","what":"a","level":"debug"}
            {"n":4,"at":"soon","what":"a","level":"info"}

            {"n":5,"level":

            """)
        let counts = try project.counts(on: database)
        #expect(counts.read == 7 && counts.loaded == 1 && counts.duplicate == 1)
        #expect(counts.rejected == 2 && counts.filtered == 3)
        #expect(
            try database.rows("SELECT line, reason_code FROM daybook.rejects ORDER BY line") == [
                ["5", "bad_time"], ["7", "malformed_json"],
            ])
        #expect(try Verification.problems(try Warehouse.connect(database.url)) == [])
    }

    // MARK: - redact

    /// What must not be in the database, and what may take its place.
    private enum Secret {
        static let mail = "buyer@example.com"
        static let card = "4111222233334444"
        static let user = "u-secret"
        static let all = [mail, card, user]
        static let parts = all + ["buyer\\u0040example.com"]

        /// The hash of a secret, by a tool of its own: the first 16 bytes of its SHA-256, or of its HMAC by "pepper".
        static func hash(_ secret: String, isKeyed: Bool) -> String {
            switch secret {
            case mail: isKeyed ? "8d2e7ed8c18d10a0e8a24d0440f07e2f" : "6a6c26195c3682faa816966af789717c"
            case card: isKeyed ? "3b40a7d9cffa3b6d69e2742ecabf3e2b" : "304c22d0d127f5dac4cb40ff664220fe"
            default: isKeyed ? "a8b335a09fe90919ce848d64f72a3f04" : "9e8b5dcae9939b60e56a7ea8a4993e3a"
            }
        }
    }

    /// A log with secrets in its records: sound ones, and such as are rejected for every reason.
    struct SecretLog: Sendable, CustomTestStringConvertible {
        let name: String
        let file: String
        var keys = ""
        let rules: String
        let text: String
        /// user_id and details of each event, with #mail, #card and #user for the hashes of secrets.
        let rows: [[String]]
        /// Line, code and bytes of each reject.
        let rejects: [[String]]

        var testDescription: String { name }
    }

    private static let long = String(repeating: "buyer@example.com u-secret 4111222233334444 ", count: 60)

    static let secretLogs = [
        SecretLog(
            name: "ndjson", file: "a.ndjson",
            rules: """
                "event": { "occurred_at": "at", "type": "what", "event_id": "n", "user_id": "who" },
                "redact": { "user_id": "hash", "details.mail": "drop", "details.card.number": "hash",
                  "details.items.owner.mail": "hash", "details.items.owner.home": "drop", "details.lists": "hash" }
                """,
            text: """
                {"n":1,"at":"2026-01-05","what":"a","who":"u-secret","mail":"buyer@example.com","card":{"number":4111222233334444,"kind":"visa"},"items":[{"sku":"s","owner":{"mail":"buyer@example.com","home":["u-secret"]}},{"owner":{"mail":null}},7]}
                {"n":2,"at":"2026-01-05","what":"a","wh\\u006f":"u-secret","ma\\u0069l":"x","mail":{"of":"buyer@example.com"},"card":[{"number":"4111222233334444"}],"items":{"owner":[{"mail":"buyer\\u0040example.com"}]},"lists":["u-secret",["buyer@example.com"]]}
                {"n":3,"at":"soon","what":"a","who":"u-secret","mail":"buyer@example.com","card":{"number":4111222233334444}}
                {"n":4,"what":"a","who":"u-secret","mail":"\\u0000 buyer@example.com"}
                {"n":5,"at":"2026-01-05","what":"a","who":"u-secret","mail":"buyer@example.com","card":{"number":41
                {"n":6,"at":"2026-01-05","what":"a","who":"u-secret","x":"\\u0000"}
                {"n":7,"at":"2026-01-05","what":"a","who":"u-secret","mail":"buyer@example.com","card":{"number":"4111222233334444"}}
                {"n":8,"at":"2026-01-05","who":"\(long)"}
                ["u-secret","buyer@example.com"]

                """,
            rows: [
                [
                    "#user",
                    ##"{"card": {"kind": "visa", "number": "#card"}, "items": [{"sku": "s", "owner": {"mail": "#mail"}}, {"owner": {"mail": null}}, 7]}"##,
                ],
                [
                    "#user",
                    ##"{"card": [{"number": "#card"}], "items": {"owner": [{"mail": "#mail"}]}, "lists": "#list"}"##,
                ],
            ],
            rejects: [
                [
                    "3", "bad_time",
                    ##"{"n":3,"at":"soon","what":"a","who":"#user","card":{"number":"#card"}}"##,
                ],
                ["4", "missing_time", ##"{"n":4,"what":"a","who":"#user"}"##],
                ["5", "malformed_json", ""],
                [
                    "6", "nul_character",
                    ##"{"n":6,"at":"2026-01-05","what":"a","who":"#user","x":"\u0000"}"##,
                ],
                ["7", "refused_by_server", ""], ["8", "line_too_long", ""], ["9", "not_an_object", ""],
            ]),
        SecretLog(
            name: "csv", file: "a.csv",
            rules: """
                "event": { "occurred_at": "at", "type": "what", "event_id": "n", "user_id": "who" },
                "redact": { "user_id": "hash", "details.mail": "drop", "details.card": "hash",
                  "details.meta.card": "hash", "/details/user.name": "hash" }
                """,
            text: """
                n,at,what,who,mail,card,meta.card,user.name,note
                1,2026-01-05,a,u-secret,buyer@example.com,4111222233334444,4111222233334444,u-secret,kept
                2,2026-01-05,a,u-secret,"buyer@example.com",,"4111222233334444",,"kept
                too"
                3,soon,a,u-secret,buyer@example.com,4111222233334444,,,
                4,2026-01-05,a,u-secret,buyer@example.com
                7,2026-01-05,a,u-secret,buyer@example.com,4111222233334444,,,
                8,2026-01-05,a,"\(long)",buyer@example.com,,,,
                9,2026-01-05,a,"u-secret"x,buyer@example.com,4111222233334444,,,

                """,
            rows: [
                [
                    "#user",
                    ##"{"card": "#card", "note": "kept", "meta.card": "#card", "user.name": "#user"}"##,
                ],
                ["#user", ##"{"note": "kept\ntoo", "meta.card": "#card"}"##],
            ],
            rejects: [
                ["5", "bad_time", ##"{"n":"3","at":"soon","what":"a","who":"#user","card":"#card"}"##],
                ["6", "malformed_csv", ""], ["7", "refused_by_server", ""], ["8", "line_too_long", ""],
                ["9", "malformed_csv", ""],
            ]),
        SecretLog(
            name: "attributes with dots", file: "a.log", keys: #", "format": "otlp""#,
            rules:
                #""redact": { "details.attributes.user.email": "hash", "/details/resource/host.owner": "drop" }"#,
            text: """
                {"resourceLogs":[{"resource":{"attributes":[{"key":"host.owner","value":{"stringValue":"u-secret"}}]},"scopeLogs":[{"scope":{"name":"a"},"logRecords":[{"timeUnixNano":"1767600000000000000","attributes":[{"key":"user.email","value":{"stringValue":"buyer@example.com"}}]},{"attributes":[{"key":"user.email","value":{"stringValue":"buyer@example.com"}}]}]}]}]}

                """,
            rows: [
                [
                    "∅",
                    ##"{"scope": {"name": "a"}, "resource": {}, "attributes": {"user.email": "#mail"}, "timeUnixNano": 1767600000000000000}"##,
                ]
            ],
            rejects: [
                [
                    "1", "missing_time",
                    ##"{"attributes":{"user.email":"#mail"},"resource":{},"scope":{"name":"a"}}"##,
                ]
            ]),
        SecretLog(
            name: "names nested and dotted", file: "a.log", keys: #", "format": "ecs""#,
            rules: #"""
                "redact": { "details.user.email": "hash", "/details/card.number": "drop", "details.a.b.c": "hash",
                  "details.a.0.z": "drop" }
                """#,
            text: """
                {"@timestamp":"2026-01-05","user.email":"buyer@example.com","card":{"number":"4111222233334444"},"a.b":{"c":"u-secret"}}
                {"@timestamp":"2026-01-05","user":{"email":"buyer@example.com"},"card.number":"4111222233334444","a":{"b.c":"u-secret"},"a.b.c":"u-secret","a.b.cd":"x"}
                {"@timestamp":"2026-01-05","card":"kept","a":[{"b":[{"c":"u-secret"}]}]}
                {"@timestamp":"soon","user.email":"buyer@example.com"}
                {"@timestamp":"2026-01-05","card":"{\\"number\\":\\"4111222233334444\\"}"}

                """,
            rows: [
                ["∅", ##"{"a.b": {"c": "#user"}, "card": {}, "user.email": "#mail"}"##],
                [
                    "∅",
                    ##"{"a": {"b.c": "#user"}, "user": {"email": "#mail"}, "a.b.c": "#user", "a.b.cd": "x"}"##,
                ],
                ["∅", ##"{"a": [{"b": [{"c": "#user"}]}], "card": "kept"}"##],
            ],
            rejects: [
                ["4", "bad_time", ##"{"@timestamp":"soon","user.email":"#mail"}"##],
                ["5", "malformed_json", ""],
            ]),
        SecretLog(
            name: "cloudevents", file: "a.log", keys: #", "format": "cloudevents""#,
            rules:
                #""redact": { "details.data.mail": "hash", "details.data.cards": "drop", "case_id": "hash" }"#,
            text: """
                {"id":"1","source":"/a","type":"t","time":"2026-01-05","subject":"u-secret","data":{"mail":"buyer@example.com","cards":["4111222233334444"],"n":1}}
                [{"id":"2","source":"/a","type":"t","time":"2026-01-05","subject":"u-secret","data":[{"mail":"buyer@example.com"}]}]
                {"id":"3","source":"/a","type":"t","time":"soon","subject":"u-secret","data":{"mail":"buyer@example.com"}}
                {"source":"/a","type":"t","time":"2026-01-05","subject":"u-secret","data":{"mail":"buyer@example.com"}}
                {"id":"5","source":"/a","data":{"mail":"buyer@example.com
                "u-secret"
                {"id":"7","source":"/a","type":"t","time":"2026-01-05","subject":"u-secret","data":{"mail":"buyer@example.com"}}

                """,
            rows: [
                ["∅", ##"{"data": {"n": 1, "mail": "#mail"}}"##], ["∅", ##"{"data": [{"mail": "#mail"}]}"##],
            ],
            rejects: [
                [
                    "3", "bad_time",
                    ##"{"id":"3","source":"/a","type":"t","time":"soon","subject":"#user","data":{"mail":"#mail"}}"##,
                ],
                [
                    "4", "missing_event_id",
                    ##"{"source":"/a","type":"t","time":"2026-01-05","subject":"#user","data":{"mail":"#mail"}}"##,
                ],
                ["5", "malformed_json", ""], ["7", "refused_by_server", ""],
            ]),
        SecretLog(
            name: "JSON in strings", file: "a.log", keys: #", "format": "drdroid""#,
            rules: #""redact": { "details.mail": "hash", "details.of.card": "drop" }"#,
            text: """
                {"timestamp":1767600000,"name":"a","payload":"{\\"mail\\":\\"buyer@example.com\\",\\"of\\":[{\\"card\\":4111222233334444}]}"}
                {"timestamp":1767600001,"name":"a","payload":{"mail":"buyer@example.com"}}
                {"timestamp":1767600002,"name":"a","payload":"{\\"mail\\":\\"buyer@example.com\\""}
                {"timestamp":"u","name":"a","payload":"{\\"mail\\":\\"buyer@example.com\\"}"}

                """,
            rows: [["∅", ##"{"of": [{}], "mail": "#mail"}"##], ["∅", ##"{"mail": "#mail"}"##]],
            rejects: [
                ["3", "malformed_json", ""],
                ["4", "bad_time", ##"{"timestamp":"u","name":"a","payload":{"mail":"#mail"}}"##],
            ]),
        SecretLog(
            name: "logfmt with a key twice", file: "a.log", keys: #", "format": "logfmt""#,
            rules: #""redact": { "details.mail": "hash" }"#,
            text: """
                time=2026-01-05T10:00:00Z type=t mail=buyer@example.com mail=buyer@example.com mail_id=1

                """,
            rows: [["∅", ##"{"mail": "#mail", "mail_2": "#mail", "mail_id": "1"}"##]], rejects: []),
        SecretLog(
            name: "access logs", file: "a.log", keys: #", "format": "access""#,
            rules: #""redact": { "user_id": "hash", "details.request": "drop", "details.path": "hash" }"#,
            text: """
                h - u-secret [05/Jan/2026:08:00:00 +0000] "GET buyer@example.com HTTP/1.1" 200 1
                h - u-secret [05/Jan/2026:08:00:00 +0000] "GET buyer@example.com HTTP/1.1" ? 1
                h - u-secret [x] "GET buyer@example.com HTTP/1.1" 200 1

                """,
            rows: [
                [
                    "#user",
                    ##"{"host": "h", "path": "#mail", "bytes": 1, "method": "GET", "protocol": "HTTP/1.1"}"##,
                ]
            ],
            rejects: [
                ["2", "malformed_line", ""],
                [
                    "3", "bad_time",
                    ##"{"host":"h","user":"#user","time":"x","method":"GET","path":"#mail","protocol":"HTTP/1.1","status":200,"bytes":1}"##,
                ],
            ]),
        SecretLog(
            name: "process logs", file: "a.xes",
            rules: #""redact": { "user_id": "hash", "case_id": "hash", "/details/org:mail": "drop" }"#,
            text: """
                <log><trace><string key="concept:name" value="u-secret"/>
                <event><string key="concept:name" value="a"/><date key="time:timestamp" value="2026-01-05"/><string key="org:resource" value="u-secret"/><string key="org:mail" value="buyer@example.com"/></event>
                <event><string key="concept:name" value="a"/><string key="org:mail" value="buyer@example.com"/></event>
                <event><string key="org:mail" value="buyer@example.com" </event>
                </trace></log>

                """,
            rows: [["#user", "{}"]],
            rejects: [
                ["3", "missing_time", ##"{"case:concept:name":"#user","concept:name":"a"}"##],
                ["4", "malformed_xml", ""],
            ]),
    ]

    @Test(
        "What is redacted is nowhere in the database, whatever became of its record", arguments: secretLogs,
        [false, true])
    func redacts(_ log: SecretLog, isKeyed: Bool) throws {
        let (project, database) = (try TemporaryProject(), try TestDatabase())
        let key = isKeyed ? #", "redact_key": "pepper""# : ""
        try project.write(
            "pipelines/logs.jsonc",
            """
            { "pipeline": "logs", "sources": [ { "name": "all",
              "file": { "path": "\(log.file)", "max_line": 1024\(log.keys) }, \(log.rules)\(key) } ] }
            """)
        // A rule of the database's owner that no scanner knows.
        try project.run(on: database)
        try database.execute(
            """
            ALTER TABLE raw.events_by_day
                ADD CONSTRAINT no_seven CHECK (event_id NOT IN ('7', '/a 7'))
            """)
        try project.write(log.file, log.text)
        let command = DaybookCommand(in: project.directory, database: database.url)
        let outcome = try command.run("run", "--json")
        #expect(outcome.status == 0, "\(outcome.error)")

        func filled(_ text: String) -> String {
            var text = text
            for (mark, secret) in [("#mail", Secret.mail), ("#card", Secret.card), ("#user", Secret.user)] {
                text = text.replacing(mark, with: Secret.hash(secret, isKeyed: isKeyed))
            }
            let list = SHA256.hex(Array(#"["u-secret",["buyer@example.com"]]"#.utf8), prefix: 16)
            return isKeyed ? text : text.replacing("#list", with: list)
        }
        var rows = try database.rows("SELECT user_id, details FROM raw.events ORDER BY position")
        if isKeyed {
            let lists = #/"lists": "[0-9a-f]{32}"/#
            for index in rows.indices { rows[index][1].replace(lists, with: ##""lists": "#list""##) }
        }
        #expect(rows == log.rows.map { $0.map(filled) })
        let rejects = try database.rows(
            "SELECT line, reason_code, convert_from(raw, 'UTF8') FROM daybook.rejects ORDER BY byte_offset")
        #expect(rejects == log.rejects.map { $0.map(filled) })

        let said = [outcome.out, outcome.error, try command.run("status").out, try command.run("check").out]
        for secret in Secret.parts {
            #expect(try Self.places(of: secret, in: database) == [])
            #expect(!said.contains { $0.contains(secret) })
        }
        // Nor what everybody can compute and compare.
        for secret in isKeyed ? Secret.all : [] {
            #expect(try Self.places(of: Secret.hash(secret, isKeyed: false), in: database) == [])
        }
        #expect(try Verification.problems(try Warehouse.connect(database.url)) == [])
        #expect(try command.run("verify", "--deep").status == 0)
    }

    /// The tables in which a text stands, in a row of them as text, or in its bytes.
    private static func places(of text: String, in database: TestDatabase) throws -> [String] {
        let tables = try database.rows(
            """
            SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) FROM information_schema.tables
            WHERE table_schema IN ('raw', 'daybook', 'report') AND table_type = 'BASE TABLE'
            ORDER BY 1
            """
        ).map { $0[0] }
        #expect(tables.count > 20 && tables.contains("daybook.rejects"))
        let hex = text.utf8.map { String(format: "%02x", $0) }.joined()
        return try tables.filter { table in
            try database.value(
                "SELECT 1 FROM \(table) AS t WHERE t::text ~ '(\(hex)|\(text.replacing("\\", with: "\\\\")))' LIMIT 1"
            )
                != nil
        }
    }

    @Test("The search for secrets finds one where it is")
    func searchFinds() throws {
        let (project, database) = (try TemporaryProject(), try TestDatabase())
        let log = try #require(Self.secretLogs.first)
        try project.write(
            "pipelines/logs.jsonc",
            """
            { "pipeline": "logs", "sources": [ { "name": "all", "file": { "path": "\(log.file)" },
              "event": { "occurred_at": "at", "type": "what", "event_id": "n" } } ] }
            """)
        try project.write(log.file, log.text)
        try project.counts(on: database)
        for secret in Secret.parts {
            let places = try Self.places(of: secret, in: database)
            #expect(places.contains("daybook.rejects") || secret.contains("\\"))
            #expect(places.contains { $0.hasPrefix("raw.events_") } || secret.contains("\\"))
        }
    }

    @Test("Nothing that can be computed without the key tells a redacted record by its content")
    func derivedFromContent() throws {
        let (project, database) = (try TemporaryProject(), try TestDatabase())
        func define(_ key: String) throws {
            try project.write(
                "pipelines/logs.jsonc",
                """
                { "pipeline": "logs", "sources": [ { "name": "all", "file": { "path": "*.ndjson" },
                  "event": { "occurred_at": "at", "type": "what", "user_id": "who", "event_id": {"derive": "content"} },
                  "redact": { "user_id": "drop" }\(key) } ] }
                """)
        }
        let lines = ["u-secret", "u-other", "u-secret"].map {
            #"{"at":"2026-01-05","what":"a","who":"\#($0)"}"#
        }
        try define(#", "redact_key": "pepper""#)
        try project.write("a.ndjson", lines.map { $0 + "\n" }.joined())
        let counts = try project.counts(on: database)
        // Equal records are one event, by what they were before anything was dropped.
        #expect(counts.loaded == 2 && counts.duplicate == 1)
        for line in lines {
            let plain = SHA256.hex(Array(line.utf8), prefix: 16)
            #expect(try Self.places(of: plain, in: database) == [])
        }
    }

    @Test("A filter sees a record as it came, also what is not stored of it", arguments: ["hash", "drop"])
    func filtersBeforeItRedacts(_ action: String) throws {
        let (project, database) = (try TemporaryProject(), try TestDatabase())
        try project.write(
            "pipelines/logs.jsonc",
            """
            { "pipeline": "logs", "sources": [
              { "name": "json", "file": { "path": "a.log", "format": "drdroid" },
                "where": {"payload.user": {"!=": "robot"}}, "redact": {"details.user": "\(action)"} },
              { "name": "csv", "file": { "path": "a.csv" },
                "event": { "occurred_at": "at", "type": "what", "user_id": "user" },
                "where": {"user": {"!=": "robot"}}, "redact": {"user_id": "\(action)"} } ] }
            """)
        try project.write(
            "a.log",
            #"{"timestamp":1767600000,"name":"a","payload":"{\"user\":\"robot\"}"}"# + "\n"
                + #"{"timestamp":1767600001,"name":"b","payload":"{\"user\":\"buyer\"}"}"# + "\n")
        try project.write("a.csv", "at,what,user\n2026-01-05,c,robot\n2026-01-05,d,buyer\n")
        let counts = try project.counts(on: database)
        #expect(counts.loaded == 2 && counts.filtered == 2)
        #expect(try database.rows("SELECT type FROM raw.events ORDER BY 1") == [["b"], ["d"]])
    }

    // MARK: - Rules that meet nothing

    /// A rule, a record, and what is to be said of it; nothing where that is nil.
    struct Unmet: Sendable {
        var format = "ndjson"
        let rules: String
        let record: String
        let said: String?
    }

    private static let person =
        #"{"@timestamp":"2026-01-05","message":"a","email":"x","user":{"mail.home":"x"},"level":"info"}"#

    static let unmet = [
        Unmet(
            rules: #""redact": {"details.emial": "hash"}"#, record: person,
            said: #""details.emial" (redact); did you mean "email"?"#),
        Unmet(rules: #""redact": {"details.email": "hash"}"#, record: person, said: nil),
        Unmet(rules: #""redact": {"details.user.mail.home": "hash"}"#, record: person, said: nil),
        Unmet(
            rules: #""redact": {"details.user.mail.hom": "hash"}"#, record: person,
            said: #""details.user.mail.hom" (redact); did you mean "mail.home"?"#),
        Unmet(
            rules: #""redact": {"details.usr.mail": "hash"}"#, record: person,
            said: #""details.usr.mail" (redact); did you mean "user"?"#),
        Unmet(
            rules: #""redact": {"details.password": "drop"}"#, record: person,
            said: #""details.password" (redact)"#),
        Unmet(
            rules: #""where": {"levle": {"!=": "debug"}}"#, record: person,
            said: #""levle" (where); did you mean "level"?"#),
        Unmet(
            rules: #""where": {"user.mail.home": "x"}"#, record: person,
            said: #""user.mail.home" (where); write "/user/mail.home""#),
        Unmet(rules: #""where": {"deleted": null, "level": "info"}"#, record: person, said: nil),
        Unmet(
            rules: #""where": {"levle": null}"#, record: person,
            said: #""levle" (where); did you mean "level"?"#),
        Unmet(
            format: "ecs", rules: #""redact": {"details.user.mial.home": "hash"}"#, record: person,
            said: #""details.user.mial.home" (redact); did you mean "mail.home"?"#),
        Unmet(
            format: "logfmt", rules: #""redact": {"details.emial": "hash"}"#,
            record: "time=2026-01-05 event=a email=x",
            said: #""details.emial" (redact); did you mean "email"?"#),
        Unmet(
            format: "drdroid",
            rules: #""redact": {"details.emial": "hash"}, "where": {"payload.email": "x"}"#,
            record: #"{"timestamp":"2026-01-05","name":"a","payload":"{\"email\":\"x\"}"}"#,
            said: #""details.emial" (redact); did you mean "email"?"#),
        Unmet(
            format: "csv",
            rules: #""redact": {"details.emial": "hash"}, "where": {"empty": null, "a.b": "1"}"#,
            record: "@timestamp,message,email,empty,a.b\n2026-01-05,a,x,,1",
            said: #""details.emial" (redact); did you mean "email"?"#),
        Unmet(
            format: "csv", rules: #""redact": {"details.empty": "hash"}, "where": {"empty": "x"}"#,
            record: "@timestamp,message,empty\n2026-01-05,a,", said: nil),
    ]

    @Test("A rule of a field that no record has is doubted", arguments: unmet)
    func doubts(_ unmet: Unmet) throws {
        let project = try TemporaryProject()
        let hasMapping = unmet.format == "ndjson" || unmet.format == "csv"
        let event = #""event": { "occurred_at": "/@timestamp", "type": "message" }, "#
        try project.write(
            "pipelines/logs.jsonc",
            """
            { "pipeline": "logs", "sources": [ { "name": "all",
              "file": { "path": "a.log", "format": "\(unmet.format)" },
              \(hasMapping ? event : "")\(unmet.rules) } ] }
            """)
        try project.write("a.log", unmet.record + "\n")
        let report = try Check.run(try project.project(), [], database: nil)
        #expect(report.ok)
        #expect(
            report.problems.map(\.description)
                == (unmet.said.map {
                    ["pipelines/logs.jsonc:2:21: warning: none of the first 1 records has \($0)"]
                } ?? []))
    }

    // MARK: - Mistakes in a definition

    @Test("A mistake is told with its place", arguments: Broken.recordRules)
    func tellsTheMistake(in broken: Broken) throws {
        let said = try broken.check()
        #expect(said == broken.expected)
    }
}

extension Broken {
    /// The rule stands before the event, in line 7.
    private static func rule(_ name: String, _ rule: String, _ expected: String) -> Broken {
        Broken(
            name, [#""event": {"#: "\(rule), \"event\": {"],
            expected: "pipelines/orders.jsonc:" + expected)
    }

    private static func file(_ name: String, _ keys: String, _ expected: String) -> Broken {
        Broken(name, [#""format": "ndjson""#: keys], expected: "pipelines/orders.jsonc:" + expected)
    }

    static let recordRules: [Broken] = [
        rule(
            "a comparison that there is not", #""where": {"type": {"~": "x"}}"#,
            #"""
            7:26: unknown key "~" in "type" in where of sources[0]; known are =, !=, <, <=, >, >=, in, not_in, exists
            """#),
        rule(
            "no conditions", #""where": {}"#,
            "7:16: where of sources[0] has no condition"),
        rule("no alternative", #""where": []"#, "7:16: where of sources[0] is an empty array"),
        rule(
            "a word instead of conditions", #""where": "info""#,
            #"""
            7:16: where of sources[0] is a string; it must be an object of fields, as in {"level": "info", "amount": {">": 100}}
            """#),
        rule(
            "a comparison with an array", #""where": {"n": {">": [1]}}"#,
            #"7:28: "n" in where of sources[0] is compared with an array; it can be a string, a number, true or false"#
        ),
        rule(
            "a presence that is no word", #""where": {"n": {"exists": "yes"}}"#,
            #"7:33: exists of "n" in where of sources[0] is a string; it must be true or false"#),
        rule(
            "a redaction that there is not", #""redact": {"details.mail": "mask"}"#,
            #"7:34: "details.mail" in redact of sources[0] is "mask"; it must be "hash" or "drop""#),
        rule(
            "a field that is no column", #""redact": {"mail": "hash"}"#,
            #"""
            7:18: redact of sources[0] has "mail"; say where the value would be stored: "details.mail", or a column: \#
            case_id, event_id, user_id, correlation_id, service, entity, type
            """#),
        rule(
            "a pointer that is no field of the details", #""redact": {"/user.mail": "hash"}"#,
            #"""
            7:18: redact of sources[0] has "/user.mail"; say where the value would be stored: "/details/user.mail", \#
            or a column: case_id, event_id, user_id, correlation_id, service, entity, type
            """#),
        rule(
            "half a pointer", #""redact": {"details./attributes/user.email": "hash"}"#,
            #"""
            7:18: "details./attributes/user.email" in redact of sources[0] is half a dotted path and half a JSON Pointer; \#
            write "/details/attributes/user.email"
            """#),
        rule(
            "a column that no field comes into", #""redact": {"user_id": "hash"}"#,
            "7:18: no field of sources[0] comes into user_id; there is nothing to redact"),
        rule(
            "a type that is dropped", #""redact": {"type": "drop"}"#,
            #"7:26: "type" in redact of sources[0] cannot be dropped: every event needs it; hash it"#),
        rule(
            "a key for nothing", #""redact_key": "x""#,
            #"7:21: redact_key of sources[0] is for "redact", which is not there"#),
        file(
            "a separator for NDJSON", #""format": "ndjson", "separator": ";""#,
            #"6:73: "separator" in sources[0] is for csv and tsv; the format is ndjson"#),
        file(
            "a separator of two characters", #""format": "csv", "separator": "||""#,
            #"6:70: separator of sources[0] is "||"; it is one ASCII character"#),
        file(
            "a separator that is the quote", #""format": "csv", "separator": ";", "quote": ";""#,
            "6:70: sources[0]: the quote is the separator, too"),
        file(
            "a path into lines", #""format": "ndjson", "data_path": "items""#,
            #"6:73: "data_path" in sources[0] is for json; the format is ndjson"#),
        file(
            "a pattern without a group", #""format": "regex", "pattern": "^a+$""#,
            "6:70: pattern of sources[0]: the pattern names no group, so it tells no field; a group is named (?<name>…)"
        ),
        file(
            "an encoding that there is not", #""format": "csv", "encoding": "latin1""#,
            #"""
            6:69: encoding of sources[0] is "latin1"; it must be "utf-8" or "latin-1" or "utf-16" or "utf-16le" or \#
            "utf-16be"; did you mean "latin-1"?
            """#),
        file(
            "a format that there is not", #""format": "njson""#,
            #"""
            6:50: format of sources[0] is "njson"; it must be "ndjson" or "json" or "csv" or "tsv" or "logfmt" or \#
            "regex" or "access" or "cloudevents" or "otlp" or "ecs" or "xes" or "drdroid" or "logeater"; \#
            did you mean "json"?
            """#),
    ]
}

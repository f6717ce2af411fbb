import Events
import Extract
import Foundation
import Pipeline
import TestSupport
import Testing
import Warehouse

/// Mistakes in a definition are told with file, line, column and what to do; sound ones give what they say.
struct DefinitionTests {
    @Test(arguments: Broken.text + Broken.keys + Broken.types + Broken.names + Broken.values + Broken.project)
    func tellsTheMistake(in broken: Broken) throws {
        #expect(try broken.check() == broken.expected)
    }

    @Test func theDefinitionThatMistakesAreMadeInIsSound() throws {
        #expect(try Broken("nothing", expected: "").check() == [])
    }

    // MARK: - Sound definitions

    /// Checks that a definition has no mistake, and reads it.
    private func read(
        _ text: String, files: [String: String] = [:], environment: [String: String] = [:]
    ) throws -> PipelineDefinition {
        let scratch = try TemporaryProject()
        try scratch.write("pipelines/orders.jsonc", text)
        for (name, text) in files { try scratch.write(name, text) }
        let project = try Project(directory: scratch.directory, environment: environment)
        let definitions = try project.read(["orders"])
        #expect(definitions.flatMap(\.problems).map(\.description) == [])
        #expect(definitions.map(\.file) == ["pipelines/orders.jsonc"])
        return try #require(definitions.first?.pipeline)
    }

    @Test func readsEveryPart() throws {
        let pipeline = try read(
            """
            {
              "pipeline": "orders",
              "entity": "order",
              "sources": [
                { "name": "checkout",
                  "file": { "path": "logs/checkout-*.ndjson", "format": "ndjson",
                            "settle": "90s", "max_line": 4096 },
                  "event": {                                  // where each column of raw.events comes from
                    "event_id": "id", "occurred_at": "time", "type": "{kind}.{action}",
                    "case_id": ["order_id", "order.id"],      // the first that is present
                    "service": {"value": "checkout"}
                  } },
                { "name": "orders_table",
                  "file": { "path": ["orders.csv", "old/*.csv"], "format": "csv" },
                  "events": [
                    { "type": {"value": "order.created"}, "occurred_at": "bought_at", "case_id": "order" },
                    { "type": {"value": "order.delivered"}, "occurred_at": "there_at", "case_id": "order" }
                  ] }
              ],
              "slas": [
                { "name": "order_delivered", "start": "order.created", "end": "order.delivered",
                  "cancel": ["order.cancelled", "refund.*"], "within": "10d", "target": 0.95,
                  "occurrence": "last", "order_by": "sequence", "clock_skew": "500ms" }
              ],
              "schedule": "5 * * * *",
              "clock": "data"
            }
            """)
        #expect(pipeline.name == "orders" && pipeline.entity == "order")
        #expect(pipeline.schedule == Schedule(.cron(try CronExpression("5 * * * *")), text: "5 * * * * GMT"))
        #expect(pipeline.sources.map(\.name) == ["checkout", "orders_table"])
        #expect(
            pipeline.sources.map(\.files?.paths) == [
                ["logs/checkout-*.ndjson"], ["orders.csv", "old/*.csv"],
            ])
        #expect(pipeline.sources.map(\.files?.form.format) == [.ndjson, .csv(.rfc4180)])
        #expect(pipeline.sources.map(\.files?.settleSeconds) == [90, nil])
        #expect(pipeline.sources.map(\.maxLine) == [4_096, 16 << 20])
        #expect(pipeline.sources.map(\.mapping.isList) == [false, true])

        let checkout = try #require(pipeline.sources[0].mapping.events.first)
        #expect(checkout.eventID.reference == .field(try FieldPath(parsing: "id")))
        #expect(checkout.occurredAt.reference == .field(try FieldPath(parsing: "time")))
        #expect(
            checkout.type
                == .template([
                    .field(try FieldPath(parsing: "kind")), .text("."),
                    .field(try FieldPath(parsing: "action")),
                ]))
        #expect(
            checkout.caseID
                == .firstPresent([
                    .field(try FieldPath(parsing: "order_id")), .field(try FieldPath(parsing: "order.id")),
                ]))
        #expect(checkout.service == .constant("checkout"))
        #expect(
            pipeline.sources[1].mapping.events.map(\.type)
                == [.constant("order.created"), .constant("order.delivered")])
        #expect(
            pipeline.slas == [
                SLADefinition(
                    name: "order_delivered", pipeline: "orders", entity: "order",
                    start: [TypePattern("order.created")], end: [TypePattern("order.delivered")],
                    cancel: [TypePattern("order.cancelled"), TypePattern("refund.*")],
                    withinMicroseconds: 864_000_000_000, target: 0.95, occurrence: "last",
                    orderBy: "sequence", clockSkewMicroseconds: 500_000, clock: "data")
            ])
    }

    @Test func fillsInWhatIsLeftOut() throws {
        let pipeline = try read(
            """
            { "pipeline": "orders",
              "sources": [
                { "name": "shop", "file": { "path": "shop.jsonl" },
                  "event": { "occurred_at": "at", "type": "what" } }
              ],
              "slas": [ { "name": "paid", "start": "new", "end": "paid", "within": "PT30M" } ] }
            """)
        #expect(pipeline.entity == "orders")
        let source = try #require(pipeline.sources.first)
        #expect(source.files?.form.format == .ndjson)
        #expect(source.files?.settleSeconds == nil)
        let event = try #require(source.mapping.events.first)
        #expect(event.defaultService == "shop" && event.defaultEntity == "orders")
        #expect(event.eventID.isPosition)
        #expect(event.occurredAt.format == nil && event.occurredAt.zone == nil)
        #expect(
            [event.caseID, event.service, event.entity, event.userID, event.details].allSatisfy { $0 == nil })
        let sla = try #require(pipeline.slas.first)
        #expect(sla.entity == "orders")
        #expect(sla.cancel == [] && sla.target == nil)
        #expect(sla.occurrence == "first" && sla.clock == "wall" && sla.clockSkewMicroseconds == 0)
    }

    @Test func aPipelineNeedsNoSLA() throws {
        let pipeline = try read(
            """
            { "pipeline": "orders", "sources": [
              { "name": "shop", "file": { "path": "s.csv" },
                "event": { "occurred_at": "at", "type": "what" } } ] }
            """)
        #expect(pipeline.slas == [])
        #expect(pipeline.sources.first?.files?.form.format == .csv(.rfc4180))
    }

    @Test(arguments: ["\n", "\r\n"], ["", "\u{FEFF}"])
    func readsCommentsTrailingCommasAndAnyLineEnd(lineEnd: String, mark: String) throws {
        let lines = [
            "// at the start", "{ /* inside */", #""pipeline": "orders", // "pipeline": "no""#,
            #""sources": [{"#,
            #""name": "shop","#, #""file": { "path": "a//b/*.ndjson", },"#,
            #""event": { "occurred_at": ["at", "time",], "type": "what", }, }, ],"#, "/* ", "*/ }",
            "// at the end",
        ]
        let pipeline = try read(mark + lines.joined(separator: lineEnd))
        #expect(pipeline.sources.first?.files?.paths == ["a//b/*.ndjson"])
    }

    @Test func takesValuesFromTheEnvironmentAndFromFiles() throws {
        let pipeline = try read(
            """
            { "pipeline": "orders", "sources": [
              { "name": "shop", "file": { "path": "${LOGS}/${file:place.txt}/${LOGS}.ndjson" },
                "event": { "occurred_at": "at", "type": "what" } } ] }
            """,
            files: ["place.txt": "inner\n"], environment: ["LOGS": "logs"])
        #expect(pipeline.sources.first?.files?.paths == ["logs/inner/logs.ndjson"])
    }

    @Test func readsTimesWithAFormatAndAZone() throws {
        let pipeline = try read(
            """
            { "pipeline": "orders", "sources": [
              { "name": "shop", "file": { "path": "s.csv" },
                "event": {
                  "occurred_at": {
                    "field": ["ts", "time"], "format": "%d/%b/%Y:%H:%M:%S", "zone": "Europe/Berlin" },
                  "type": "what", "event_id": {"derive": "content"} } } ] }
            """)
        let event = try #require(pipeline.sources.first?.mapping.events.first)
        #expect(event.occurredAt.format?.pattern == "%d/%b/%Y:%H:%M:%S")
        #expect(event.occurredAt.zone?.identifier == "Europe/Berlin")
        #expect(event.occurredAt.reference.paths.map(\.text) == ["ts", "time"])
        #expect(event.eventID.isContent)
    }

    // MARK: - The project

    @Test func boundsTimesByTheProject() throws {
        let scratch = try TemporaryProject()
        let now = Date(timeIntervalSince1970: 1_767_225_600)  // 2026-01-01
        let bare = try Project(directory: scratch.directory, environment: [:], now: now)
        #expect(bare.definition.database == nil)
        #expect(bare.definition.timeRange.lowerBound == Timestamp("0001-01-01T00:00:00Z"))
        #expect(bare.definition.timeRange.upperBound == Timestamp("2026-01-02T00:00:00Z"))

        try scratch.write(
            "pipelines/project.jsonc",
            #"{ "database": "postgresql:///${NAME}", "min_time": "2020-01-01", "max_time": "2030-01-01" }"#)
        let told = try Project(directory: scratch.directory, environment: ["NAME": "shop"], now: now)
        #expect(told.problems == [])
        #expect(told.definition.database == "postgresql:///shop")
        #expect(
            told.definition.timeRange
                == Timestamp("2020-01-01T00:00:00Z")!...Timestamp("2030-01-01T00:00:00Z")!)
    }

    @Test func findsPipelinesByName() throws {
        let scratch = try TemporaryProject()
        for name in ["stock", "orders"] {
            let text = Broken.sound.replacing("orders", with: name).replacing("delivered", with: name)
            try scratch.write("pipelines/\(name).jsonc", text)
        }
        for name in ["project.jsonc", ".hidden.jsonc", "notes.txt"] {
            try scratch.write("pipelines/\(name)", "{}")
        }
        let project = try scratch.project()
        #expect(project.pipelineNames == ["orders", "stock"])
        #expect(try project.pipelines([]).map(\.name) == ["orders", "stock"])
        #expect(try project.pipelines(["stock"]).map(\.name) == ["stock"])

        let misspelt = #expect(throws: DefinitionError.self) { try project.read(["ordes"]) }
        #expect(
            misspelt?.description
                == #"pipelines/ordes.jsonc:1:1: there is no pipeline "ordes"; did you mean "orders"?"#)
        let unknown = #expect(throws: DefinitionError.self) { try project.read(["invoices"]) }
        #expect(
            unknown?.description
                == #"pipelines/invoices.jsonc:1:1: there is no pipeline "invoices"; there are orders, stock"#)
    }

    @Test func refusesToRunWhatHasAMistakeAnywhere() throws {
        let scratch = try TemporaryProject()
        try scratch.write("pipelines/orders.jsonc", Broken.sound.replacing("10d", with: "10"))
        try scratch.write("pipelines/project.jsonc", #"{ "retention": "1d", "min_time": "?" }"#)
        let project = try scratch.project()
        #expect(project.hasErrors)
        let mistakes = #expect(throws: DefinitionError.self) { try project.pipelines([]) }
        #expect(mistakes?.problems.map(\.severity) == [.error, .error])
        #expect(mistakes?.problems.map(\.file) == ["pipelines/project.jsonc", "pipelines/orders.jsonc"])
    }

    @Test func saysWhatIsMissingOfAProject() throws {
        let scratch = try TemporaryProject()
        let project = try scratch.project()
        let holdsNothing = "pipelines/:1:1: holds no pipeline; see: daybook init --help"
        let empty = #expect(throws: DefinitionError.self) { try project.pipelines([]) }
        #expect(empty?.description == holdsNothing)
        #expect(try Check.run(project, [], database: nil).problems.map(\.description) == [holdsNothing])

        let none = #expect(throws: ProjectError.self) {
            try Project(directory: scratch.path("pipelines"), environment: [:])
        }
        #expect(
            none?.description.hasSuffix(
                "/pipelines has no pipelines/ folder: go to a project, name one with "
                    + "--project DIR, or make one: daybook init DIR") == true)
    }
}

extension EventMapping.EventID {
    fileprivate var reference: FieldReference? {
        if case .reference(let reference, _) = self { reference } else { nil }
    }
    fileprivate var isPosition: Bool { if case .derived(.position) = self { true } else { false } }
    fileprivate var isContent: Bool { if case .derived(.content) = self { true } else { false } }
}

/// A definition with a mistake, and all that `check` says about it.
struct Broken: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    let files: [String: String]
    /// Each problem as a person reads it.
    let expected: [String]

    var testDescription: String { name }

    /// - Parameters:
    ///   - text: what the edits are made in, each at its first match.
    ///   - files: besides the definition, relative to the project; one of the same name takes its place.
    init(
        _ name: String, _ edits: KeyValuePairs<String, String> = [:], text: String = Broken.sound,
        files: [String: String] = [:], expected: String
    ) {
        self.name = name
        self.text = edits.reduce(text) { text, edit in
            precondition(text.contains(edit.key), "\(name): there is no \(edit.key) to edit")
            return text.replacing(edit.key, with: edit.value, maxReplacements: 1)
        }
        self.files = ["shop.ndjson": Broken.records].merging(files) { $1 }
        self.expected = expected.split(separator: "\n").map(String.init)
    }

    func check() throws -> [String] {
        let scratch = try TemporaryProject()
        try scratch.write("pipelines/orders.jsonc", text)
        for (name, text) in files { try scratch.write(name, text) }
        let report = try Check.run(try scratch.project(), [], database: nil)
        #expect(report.ok == !report.problems.contains { $0.severity == .error })
        #expect(!report.isUnreachable)
        return report.problems.map(\.description)
    }

    static let sound = #"""
        {
          "pipeline": "orders",
          "sources": [
            {
              "name": "shop",
              "file": { "path": "shop.ndjson", "format": "ndjson" },
              "event": {
                "occurred_at": "time",
                "type": "type",
                "case_id": "order"
              }
            }
          ],
          "slas": [
            {
              "name": "delivered",
              "start": "order.created",
              "end": "order.delivered",
              "within": "10d"
            }
          ]
        }

        """#

    static let records = #"""
        {"time": "2026-01-05T10:00:00Z", "type": "order.created", "order": "1"}
        {"time": "2026-01-06T10:00:00Z", "type": "order.delivered", "order": "1"}

        """#
}

extension Broken {
    static let text: [Broken] = [
        Broken(
            "a missing comma", [#""orders","#: #""orders""#],
            expected: #"""
                pipelines/orders.jsonc:3:3: this is not JSON: a comma or } is expected here
                """#),
        Broken(
            "a string without its end", [#""name": "shop","#: #""name": "shop,"#],
            expected: #"""
                pipelines/orders.jsonc:5:21: this is not JSON: this string is not closed on its line; a \#
                double quote is missing
                """#),
        Broken(
            "a string without its end, on the last line",
            [
                #"""
                "10d"
                    }
                  ]
                }

                """#: #""10d"#
            ],
            expected: #"""
                pipelines/orders.jsonc:19:17: this is not JSON: this string is not closed
                """#),
        Broken(
            "an object without its end",
            [
                #"""
                  ]
                }

                """#: #"""
                  ]

                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:22:1: this is not JSON: the text ends in the middle of a value
                """#),
        Broken(
            "an array without its end",
            [
                #"""
                    }
                  ],
                  "slas"
                """#: #"""
                    },
                  "slas"
                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:13:9: this is not JSON: a comma or ] is expected here
                """#),
        Broken(
            "single quotes around a value", [#""shop","#: "'shop',"],
            expected: #"""
                pipelines/orders.jsonc:5:15: this is not JSON: a string stands in double quotes, not in \#
                single ones
                """#),
        Broken(
            "single quotes around a key", [#""name": "shop""#: #"'name': "shop""#],
            expected: #"""
                pipelines/orders.jsonc:5:7: this is not JSON: a member name in double quotes is expected \#
                here
                """#),
        Broken(
            "a key without quotes", [#""slas":"#: "slas:"],
            expected: #"""
                pipelines/orders.jsonc:14:3: this is not JSON: a member name in double quotes is expected \#
                here
                """#),
        Broken(
            "a value without quotes", [#""10d""#: "10d"],
            expected: #"""
                pipelines/orders.jsonc:19:19: this is not JSON: a comma or } is expected here
                """#),
        Broken(
            "a word that JSON does not have", [#""10d""#: "None"],
            expected: #"""
                pipelines/orders.jsonc:19:17: this is not JSON: only true, false and null are words of \#
                JSON
                """#),
        Broken(
            "an equals sign", [#""slas":"#: #""slas" ="#],
            expected: #"""
                pipelines/orders.jsonc:14:10: this is not JSON: a colon is expected here
                """#),
        Broken(
            "text behind the definition",
            [
                #"""
                  ]
                }

                """#: #"""
                  ]
                }
                }

                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:23:1: this is not JSON: there is more text after the value
                """#),
        Broken(
            "a comment without its end", [#""slas""#: #"/* "slas""#],
            expected: #"""
                pipelines/orders.jsonc:14:3: this is not JSON: this comment is not closed
                """#),
        Broken(
            "an escape that does not exist", [#""shop.ndjson""#: #""logs\shop.ndjson""#],
            expected: #"""
                pipelines/orders.jsonc:6:30: this is not JSON: this escape does not exist in JSON
                """#),
        Broken(
            "an empty file",
            [
                #"""
                {
                  "pipeline": "orders",
                  "sources": [
                    {
                      "name": "shop",
                      "file": { "path": "shop.ndjson", "format": "ndjson" },
                      "event": {
                        "occurred_at": "time",
                        "type": "type",
                        "case_id": "order"
                      }
                    }
                  ],
                  "slas": [
                    {
                      "name": "delivered",
                      "start": "order.created",
                      "end": "order.delivered",
                      "within": "10d"
                    }
                  ]
                }

                """#: ""
            ],
            expected: #"""
                pipelines/orders.jsonc:1:1: the file is empty; see: daybook init --help
                """#),
        Broken(
            "a list instead of a pipeline",
            [
                #"""
                {
                  "pipeline": "orders",
                  "sources": [
                    {
                      "name": "shop",
                      "file": { "path": "shop.ndjson", "format": "ndjson" },
                      "event": {
                        "occurred_at": "time",
                        "type": "type",
                        "case_id": "order"
                      }
                    }
                  ],
                  "slas": [
                    {
                      "name": "delivered",
                      "start": "order.created",
                      "end": "order.delivered",
                      "within": "10d"
                    }
                  ]
                }

                """#: #"""
                []

                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:1:1: the pipeline is an array; it must be an object
                """#),
    ]

    static let keys: [Broken] = [
        Broken(
            "an unknown key of the pipeline", [#""slas""#: #""sla""#],
            expected: #"""
                pipelines/orders.jsonc:14:3: unknown key "sla" in the pipeline; did you mean "slas"?
                """#),
        Broken(
            "an unknown key of a source", [#""event":"#: #""evnet":"#],
            expected: #"""
                pipelines/orders.jsonc:7:7: unknown key "evnet" in sources[0]; did you mean "event"?
                """#),
        Broken(
            "an unknown key of a file", [#""path""#: #""paht""#],
            expected: #"""
                pipelines/orders.jsonc:6:17: unknown key "paht" in file of sources[0]; did you mean \#
                "path"?
                """#),
        Broken(
            "an unknown key of a mapping", [#""case_id""#: #""caseid""#],
            expected: #"""
                pipelines/orders.jsonc:10:9: unknown key "caseid" in event of sources[0]; did you mean \#
                "case_id"?
                """#),
        Broken(
            "an unknown key of an SLA", [#""within""#: #""withn""#],
            expected: #"""
                pipelines/orders.jsonc:19:7: unknown key "withn" in slas[0]; did you mean "within"?
                """#),
        Broken(
            "an unknown key of a time", [#""time""#: #"{"feild": "time"}"#],
            expected: #"""
                pipelines/orders.jsonc:8:25: unknown key "feild" in occurred_at in event of sources[0]; \#
                did you mean "field"?
                """#),
        Broken(
            "an unknown key of a constant", [#""case_id": "order""#: #""case_id": {"constant": "x"}"#],
            expected: #"""
                pipelines/orders.jsonc:10:20: case_id in event of sources[0] lacks "value"; add for \#
                instance {"value": "web"}
                pipelines/orders.jsonc:10:21: unknown key "constant" in case_id in event of sources[0]; \#
                known is value
                """#),
        Broken(
            "a key like none that is known", [#""within": "10d""#: #""within": "10d", "colour": "red""#],
            expected: #"""
                pipelines/orders.jsonc:19:24: unknown key "colour" in slas[0]; known are name, start, \#
                end, cancel, within, target, occurrence, order_by, clock_skew, entity, description, owner, alerts
                """#),
        Broken(
            "a source of another kind",
            [
                #""file": { "path": "shop.ndjson", "format": "ndjson" }"#:
                    #""command": { "run": ["journalctl"] }"#
            ],
            expected: #"""
                pipelines/orders.jsonc:6:18: command of sources[0] lacks "format"; add for instance \#
                "format": "ndjson"; known are ndjson, json, csv, tsv, logfmt, regex, access, cloudevents, \#
                otlp, ecs, xes, drdroid, logeater
                """#),
        Broken(
            "a source of two kinds",
            [
                #""file": { "path": "shop.ndjson", "format": "ndjson" }"#:
                    #""file": { "path": "shop.ndjson" }, "command": { "run": ["journalctl"], "format": "ndjson" }"#
            ],
            expected: #"""
                pipelines/orders.jsonc:6:53: sources[0] has both "file" and "command"; keep one
                """#),
        Broken(
            "a doubled key of the pipeline",
            [
                #""sources""#: #"""
                "pipeline": "orders",
                  "sources"
                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:3:3: "pipeline" is given twice in the pipeline; remove one
                """#),
        Broken(
            "a doubled key of an SLA",
            [
                #""10d""#: #"""
                "10d",
                      "within": "11d"
                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:20:7: "within" is given twice in slas[0]; remove one
                """#),
        Broken(
            "no pipeline key",
            [
                #"""
                  "pipeline": "orders",

                """#: ""
            ],
            expected: #"""
                pipelines/orders.jsonc:1:1: the pipeline lacks "pipeline"; add for instance "pipeline": \#
                "orders"
                """#),
        Broken(
            "no sources", text: #"{ "pipeline": "orders" }"#,
            expected: #"""
                pipelines/orders.jsonc:1:1: the pipeline lacks "sources"; add for instance "sources": [ … \#
                ]
                """#),
        Broken(
            "no name of a source", [#""name": "shop","#: ""],
            expected: #"""
                pipelines/orders.jsonc:4:5: sources[0] lacks "name"; add for instance "name": "checkout"
                """#),
        Broken(
            "no file",
            [
                #"""
                      "file": { "path": "shop.ndjson", "format": "ndjson" },

                """#: ""
            ],
            expected: #"""
                pipelines/orders.jsonc:4:5: sources[0] lacks "file"; add for instance "file": { "path": \#
                "logs/*.ndjson", "format": "ndjson" }
                """#),
        Broken(
            "no path", [#""path": "shop.ndjson", "#: ""],
            expected: #"""
                pipelines/orders.jsonc:6:15: file of sources[0] lacks "path"; add for instance "path": \#
                "logs/*.ndjson"
                """#),
        Broken(
            "no path and no format", [#"{ "path": "shop.ndjson", "format": "ndjson" }"#: "{}"],
            expected: #"""
                pipelines/orders.jsonc:6:15: file of sources[0] lacks "path"; add for instance "path": \#
                "logs/*.ndjson"
                """#),
        Broken(
            "no event",
            [
                #"""
                ,
                      "event": {
                        "occurred_at": "time",
                        "type": "type",
                        "case_id": "order"
                      }
                """#: ""
            ],
            expected: #"""
                pipelines/orders.jsonc:4:5: sources[0] lacks "event"; add for instance "event": { \#
                "occurred_at": "time", "type": "type", "case_id": "order_id" }
                """#),
        Broken(
            "an empty event",
            [
                #"""
                {
                        "occurred_at": "time",
                        "type": "type",
                        "case_id": "order"
                      }
                """#: "{}"
            ],
            expected: #"""
                pipelines/orders.jsonc:7:16: event of sources[0] lacks "occurred_at"; add for instance \#
                "occurred_at": "time"
                pipelines/orders.jsonc:7:16: event of sources[0] lacks "type"; add for instance "type": \#
                "event_type"
                """#),
        Broken(
            "an empty SLA",
            [
                #"""
                {
                      "name": "delivered",
                      "start": "order.created",
                      "end": "order.delivered",
                      "within": "10d"
                    }
                """#: "{}"
            ],
            expected: #"""
                pipelines/orders.jsonc:15:5: slas[0] lacks "name"; add for instance "name": \#
                "order_delivered"
                pipelines/orders.jsonc:15:5: slas[0] lacks "start"; add for instance "start": \#
                "order.created"
                pipelines/orders.jsonc:15:5: slas[0] lacks "end"; add for instance "end": \#
                "order.delivered"
                pipelines/orders.jsonc:15:5: slas[0] lacks "within"; add for instance "within": "2h"
                """#),
    ]

    static let types: [Broken] = [
        Broken(
            "a number for the pipeline's name", [#""orders""#: "7"],
            expected: #"""
                pipelines/orders.jsonc:2:15: pipeline is a number; it must be a string
                """#),
        Broken(
            "a string for a source", [#""sources": ["#: #""sources": [ "shop","#],
            expected: #"""
                pipelines/orders.jsonc:3:16: sources[0] is a string; it must be an object
                """#),
        Broken(
            "a string for the file", [#"{ "path": "shop.ndjson", "format": "ndjson" }"#: #""shop.ndjson""#],
            expected: #"""
                pipelines/orders.jsonc:6:15: file of sources[0] is a string; it must be an object
                """#),
        Broken(
            "a number for a path", [#""shop.ndjson""#: "12"],
            expected: #"""
                pipelines/orders.jsonc:6:25: path of sources[0] is a number; it must be a string
                """#),
        Broken(
            "a list for an event",
            [
                #""event": {"#: #""event": [{"#,
                #"""
                "order"
                      }
                """#: #"""
                "order"
                      }]
                """#,
            ],
            expected: #"""
                pipelines/orders.jsonc:7:16: event of sources[0] is an array; it must be an object
                """#),
        Broken(
            "an object for the events", [#""event""#: #""events""#],
            expected: #"""
                pipelines/orders.jsonc:7:17: events of sources[0] is an object; it must be an array
                """#),
        Broken(
            "null for a field", [#""case_id": "order""#: #""case_id": null"#],
            expected: #"""
                pipelines/orders.jsonc:10:20: case_id in event of sources[0] is null; it must be a field, \#
                a list of fields, or {"value": …}
                """#),
        Broken(
            "true for a constant", [#""case_id": "order""#: #""case_id": {"value": true}"#],
            expected: #"""
                pipelines/orders.jsonc:10:30: the value of case_id in event of sources[0] is true or \#
                false; it must be a string or a number
                """#),
        Broken(
            "a number for a duration", [#""10d""#: "10"],
            expected: #"""
                pipelines/orders.jsonc:19:17: within of slas[0] is a number; it must be a duration: write \#
                it like 90s, 30m, 2h, 10d or PT30M
                """#),
        Broken(
            "a string for a share", [#""10d""#: #""10d", "target": "0.95""#],
            expected: #"""
                pipelines/orders.jsonc:19:34: target of slas[0] is a string; it must be a number
                """#),
        Broken(
            "an object for the SLAs",
            [
                #"""
                "slas": [
                    {
                """#: #"""
                "slas": {
                    "x": {
                """#,
                #"""
                    }
                  ]
                }
                """#: #"""
                    }
                  }
                }
                """#,
            ],
            expected: #"""
                pipelines/orders.jsonc:14:11: slas is an object; it must be an array
                """#),
        Broken(
            "a number among the types", [#""order.created""#: #"["order.created", 5]"#],
            expected: #"""
                pipelines/orders.jsonc:17:34: start[1] of slas[0] is a number; it must be a string
                """#),
        Broken(
            "true for the clock",
            [
                #""sources""#: #"""
                "clock": true,
                  "sources"
                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:3:12: clock is true or false; it must be a string
                """#),
    ]

    static let names: [Broken] = [
        Broken(
            "a pipeline named unlike its file", [#""orders""#: #""order""#],
            expected: #"""
                pipelines/orders.jsonc:2:15: the pipeline is called "order" and its file orders.jsonc; \#
                both must be the same
                """#),
        Broken(
            "sources without a source", text: #"{ "pipeline": "orders", "sources": [] }"#,
            expected: #"""
                pipelines/orders.jsonc:1:36: sources is empty; a pipeline needs one at least
                """#),
        Broken(
            "two sources of one name",
            [
                #"""
                    }
                  ],
                  "slas"
                """#: #"""
                    },
                    { "name": "shop", "file": { "path": "shop.ndjson" },
                      "event": { "occurred_at": "time", "type": "type" } }
                  ],
                  "slas"
                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:13:5: two sources are called "shop"; give one another name
                """#),
        Broken(
            "two SLAs of one name",
            [
                #"""
                "10d"
                    }
                """#: #"""
                "10d"
                    },
                    { "name": "delivered", "start": "order.created", "end": "refund", "within": "2d" }
                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:21:5: two SLAs are called "delivered"; give one another name
                """#),
        Broken(
            "an SLA of another pipeline's name",
            files: [
                "pipelines/a.jsonc": #"""
                {
                  "pipeline": "a",
                  "sources": [
                    {
                      "name": "shop",
                      "file": { "path": "shop.ndjson", "format": "ndjson" },
                      "event": {
                        "occurred_at": "time",
                        "type": "type",
                        "case_id": "order"
                      }
                    }
                  ],
                  "slas": [
                    {
                      "name": "delivered",
                      "start": "order.created",
                      "end": "order.delivered",
                      "within": "10d"
                    }
                  ]
                }

                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:16:15: the pipeline a has an SLA "delivered" too; give one another \#
                name
                """#),
        Broken(
            "both event and events",
            [
                #"""
                "order"
                      }
                """#: #"""
                "order"
                      },
                      "events": []
                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:12:17: sources[0] has both "event" and "events"; keep one
                """#),
        Broken(
            "events without an event",
            [
                #"""
                "event": {
                        "occurred_at": "time",
                        "type": "type",
                        "case_id": "order"
                      }
                """#: #""events": []"#
            ],
            expected: #"""
                pipelines/orders.jsonc:7:17: events of sources[0] is empty
                """#),
        Broken(
            "an empty name", [#""shop","#: #""","#],
            expected: #"""
                pipelines/orders.jsonc:5:15: name of sources[0] is empty
                """#),
    ]

    static let values: [Broken] = [
        Broken(
            "an unknown format", [#""format": "ndjson""#: #""format": "ndjsn""#],
            expected: #"""
                pipelines/orders.jsonc:6:50: format of sources[0] is "ndjsn"; it must be "ndjson" or \#
                "json" or "csv" or "tsv" or "logfmt" or "regex" or "access" or "cloudevents" or "otlp" or \#
                "ecs" or "xes" or "drdroid" or "logeater"; did you mean "ndjson"?
                """#),
        Broken(
            "a format like no other", [#""format": "ndjson""#: #""format": "parquet""#],
            expected: #"""
                pipelines/orders.jsonc:6:50: format of sources[0] is "parquet"; it must be "ndjson" or \#
                "json" or "csv" or "tsv" or "logfmt" or "regex" or "access" or "cloudevents" or "otlp" or \#
                "ecs" or "xes" or "drdroid" or "logeater"
                """#),
        Broken(
            "a path that does not tell the format", [#""shop.ndjson", "format": "ndjson""#: #""shop.log""#],
            expected: #"""
                pipelines/orders.jsonc:6:15: file of sources[0] lacks "format", and the path's ending \#
                does not tell it; add for instance "format": "ndjson"; known are ndjson, json, csv, tsv, \#
                logfmt, regex, access, cloudevents, otlp, ecs, xes, drdroid, logeater
                """#),
        Broken(
            "paths of two formats", [#""shop.ndjson", "format": "ndjson""#: #"["shop.ndjson", "shop.csv"]"#],
            expected: #"""
                pipelines/orders.jsonc:6:15: file of sources[0] lacks "format", and the path's ending \#
                does not tell it; add for instance "format": "ndjson"; known are ndjson, json, csv, tsv, \#
                logfmt, regex, access, cloudevents, otlp, ecs, xes, drdroid, logeater
                """#),
        Broken(
            "a variable that is not set", [#""shop.ndjson""#: #""${SHOP_LOGS}/shop.ndjson""#],
            expected: #"""
                pipelines/orders.jsonc:6:25: the environment variable SHOP_LOGS is not set; set it, as in \#
                SHOP_LOGS=… daybook run
                """#),
        Broken(
            "a variable without a name", [#""shop.ndjson""#: #""${}/shop.ndjson""#],
            expected: #"""
                pipelines/orders.jsonc:6:25: "${}" names no variable; write ${NAME} or ${file:PATH}
                """#),
        Broken(
            "a file for a value that is not there", [#""shop.ndjson""#: #""${file:secrets/place}""#],
            expected: #"""
                pipelines/orders.jsonc:6:25: the file secrets/place cannot be read; ${file:…} takes a \#
                value from a file
                """#),
        Broken(
            "a variable without its end", [#""shop.ndjson""#: #""${SHOP_LOGS/shop.ndjson""#],
            expected: #"""
                pipelines/orders.jsonc:6:25: "${" is not closed with "}"
                """#),
        Broken(
            "an empty list of paths", [#""shop.ndjson""#: "[]"],
            expected: #"""
                pipelines/orders.jsonc:6:25: path of sources[0] is an empty array
                """#),
        Broken(
            "an empty path among others", [#""shop.ndjson""#: #"["shop.ndjson", ""]"#],
            expected: #"""
                pipelines/orders.jsonc:6:41: path[1] of sources[0] is empty
                """#),
        Broken(
            "a file that is not there", [#""shop.ndjson""#: #""logs/shop.ndjson""#],
            expected: #"""
                pipelines/orders.jsonc:6:25: logs/shop.ndjson: there is no such file
                """#),
        Broken(
            "a path that is a folder", [#""shop.ndjson""#: #""pipelines""#],
            expected: #"""
                pipelines/orders.jsonc:6:25: pipelines: is a directory; to read the files in it write \#
                "pipelines/*"
                """#),
        Broken(
            "a line length that is too small",
            [#""format": "ndjson""#: #""format": "ndjson", "max_line": 80"#],
            expected: #"""
                pipelines/orders.jsonc:6:72: max_line of sources[0] is a number of bytes from 1024 to \#
                1073741824
                """#),
        Broken(
            "a line length with a fraction",
            [#""format": "ndjson""#: #""format": "ndjson", "max_line": 4096.5"#],
            expected: #"""
                pipelines/orders.jsonc:6:72: max_line of sources[0] is a number of bytes from 1024 to \#
                1073741824
                """#),
        Broken(
            "a duration in words", [#""10d""#: #""ten days""#],
            expected: #"""
                pipelines/orders.jsonc:19:17: within of slas[0] is "ten days", which is no duration; \#
                write it like 90s, 30m, 2h, 10d or PT30M
                """#),
        Broken(
            "a duration with a space", [#""10d""#: #""10 d""#],
            expected: #"""
                pipelines/orders.jsonc:19:17: within of slas[0] is "10 d", which is no duration; write it \#
                like 90s, 30m, 2h, 10d or PT30M
                """#),
        Broken(
            "a duration with a fraction", [#""10d""#: #""1.5h""#],
            expected: #"""
                pipelines/orders.jsonc:19:17: within of slas[0] is "1.5h", which is no duration; write it \#
                like 90s, 30m, 2h, 10d or PT30M
                """#),
        Broken(
            "a duration below zero", [#""10d""#: #""-2h""#],
            expected: #"""
                pipelines/orders.jsonc:19:17: within of slas[0] is "-2h", which is no duration; write it \#
                like 90s, 30m, 2h, 10d or PT30M
                """#),
        Broken(
            "a duration of nothing", [#""10d""#: #""0s""#],
            expected: #"""
                pipelines/orders.jsonc:19:17: within of slas[0] must be longer than nothing; write it \#
                like 90s, 30m, 2h, 10d or PT30M
                """#),
        Broken(
            "a duration in months", [#""10d""#: #""P1M""#],
            expected: #"""
                pipelines/orders.jsonc:19:17: within of slas[0] is "P1M", which is no duration; months \#
                and years have no fixed length; write it like 90s, 30m, 2h, 10d or PT30M
                """#),
        Broken(
            "a settle time without a unit", [#""format": "ndjson""#: #""format": "ndjson", "settle": "60""#],
            expected: #"""
                pipelines/orders.jsonc:6:70: settle of sources[0] is "60", which is no duration; write it \#
                like 90s, 30m, 2h, 10d or PT30M
                """#),
        Broken(
            "a clock skew in words", [#""10d""#: #""10d", "clock_skew": "some""#],
            expected: #"""
                pipelines/orders.jsonc:19:38: clock_skew of slas[0] is "some", which is no duration; \#
                write it like 90s, 30m, 2h, 10d or PT30M
                """#),
        Broken(
            "a time zone misspelt", [#""time""#: #"{"field": "time", "zone": "Europe/Berlinn"}"#],
            expected: #"""
                pipelines/orders.jsonc:8:50: zone of occurred_at in event of sources[0] is \#
                "Europe/Berlinn", which is no IANA time zone; did you mean "Europe/Berlin"?
                """#),
        Broken(
            "a time zone by its abbreviation", [#""time""#: #"{"field": "time", "zone": "PST"}"#],
            expected: #"""
                pipelines/orders.jsonc:8:50: zone of occurred_at in event of sources[0] is "PST", which \#
                is no IANA time zone; write it like Europe/Berlin
                """#),
        Broken(
            "a time zone like no other", [#""time""#: #"{"field": "time", "zone": "the moon"}"#],
            expected: #"""
                pipelines/orders.jsonc:8:50: zone of occurred_at in event of sources[0] is "the moon", \#
                which is no IANA time zone; write it like Europe/Berlin
                """#),
        Broken(
            "a time format with an unknown letter",
            [#""time""#: #"{"field": "time", "format": "%Y-%m-%d %Q"}"#],
            expected: #"""
                pipelines/orders.jsonc:8:52: time format "%Y-%m-%d %Q" at character 10: %Q is not known; \#
                known are %Y %y %m %d %e %H %I %p %M %S %f %j %b %B %h %a %A %z %Z %s %T %D %F %R %n %t, \#
                and %% for a percent sign
                """#),
        Broken(
            "a time format without a date", [#""time""#: #"{"field": "time", "format": "%H:%M:%S"}"#],
            expected: #"""
                pipelines/orders.jsonc:8:52: time format "%H:%M:%S": this tells no date: it lacks a year \#
                (%Y or %y); a date is year, month and day, year and %j, or %s
                """#),
        Broken(
            "a time format that ends with a percent sign",
            [#""time""#: #"{"field": "time", "format": "%Y-%m-%d%"}"#],
            expected: #"""
                pipelines/orders.jsonc:8:52: time format "%Y-%m-%d%" at character 9: the % has no letter \#
                after it; a percent sign is written %%
                """#),
        Broken(
            "a time with a format and no field", [#""time""#: #"{"format": "%Y-%m-%d"}"#],
            expected: #"""
                pipelines/orders.jsonc:8:24: occurred_at in event of sources[0] lacks "field"; add for \#
                instance "field": "time"
                """#),
        Broken(
            "a template without its end",
            [
                #"""
                "type",

                """#: #"""
                "{kind.{action}",

                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:9:17: type in event of sources[0]: "{kind.{action}" has a brace \#
                inside braces; is a "}" missing?
                """#),
        Broken(
            "a template that only opens",
            [
                #"""
                "type",

                """#: #"""
                "order.{kind",

                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:9:17: type in event of sources[0]: the brace in "order.{kind" is \#
                not closed
                """#),
        Broken(
            "a template that only closes",
            [
                #"""
                "type",

                """#: #"""
                "order.kind}",

                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:9:17: type in event of sources[0]: "order.kind}" has a closing \#
                brace without an opening one
                """#),
        Broken(
            "a template around nothing",
            [
                #"""
                "type",

                """#: #"""
                "order.{}",

                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:9:17: type in event of sources[0]: a field has no name
                """#),
        Broken(
            "an empty step in a path", [#""case_id": "order""#: #""case_id": "order..id""#],
            expected: #"""
                pipelines/orders.jsonc:10:20: case_id in event of sources[0]: "order..id" has an empty \#
                step; a name that holds dots is written "/order..id"
                """#),
        Broken(
            "an empty field", [#""case_id": "order""#: #""case_id": """#],
            expected: #"""
                pipelines/orders.jsonc:10:20: case_id in event of sources[0]: a field has no name
                """#),
        Broken(
            "an empty list of fields", [#""case_id": "order""#: #""case_id": []"#],
            expected: #"""
                pipelines/orders.jsonc:10:20: case_id in event of sources[0] is an empty array
                """#),
        Broken(
            "a mistake among alternatives", [#""case_id": "order""#: #""case_id": ["order", "order."]"#],
            expected: #"""
                pipelines/orders.jsonc:10:30: case_id[1] in event of sources[0]: "order." has an empty \#
                step; a name that holds dots is written "/order."
                """#),
        Broken(
            "an unknown way to derive an id",
            [#""case_id": "order""#: #""event_id": {"derive": "contents"}"#],
            expected: #"""
                pipelines/orders.jsonc:10:32: derive is "contents"; it must be "position" or "content"; \#
                did you mean "content"?
                """#),
        Broken(
            "a derived id that is not an event's",
            [#""case_id": "order""#: #""case_id": {"derive": "content"}"#],
            expected: #"""
                pipelines/orders.jsonc:10:21: "derive" makes an event_id only; case_id in event of \#
                sources[0] is a field, a list of fields, or {"value": …}
                """#),
        Broken(
            "an unknown occurrence", [#""10d""#: #""10d", "occurrence": "frist""#],
            expected: #"""
                pipelines/orders.jsonc:19:38: occurrence of slas[0] is "frist"; it must be "first" or \#
                "last" or "each"; did you mean "first"?
                """#),
        Broken(
            "an unknown order", [#""10d""#: #""10d", "order_by": "clock""#],
            expected: #"""
                pipelines/orders.jsonc:19:36: order_by of slas[0] is "clock"; it must be "time" or \#
                "sequence"
                """#),
        Broken(
            "a target in percent", [#""10d""#: #""10d", "target": 95"#],
            expected: #"""
                pipelines/orders.jsonc:19:34: target of slas[0] is a share from 0 to 1, and this is 95; \#
                did you mean 0.95?
                """#),
        Broken(
            "a target in percent with a fraction", [#""10d""#: #""10d", "target": 99.9"#],
            expected: #"""
                pipelines/orders.jsonc:19:34: target of slas[0] is a share from 0 to 1, and this is 99.9; \#
                did you mean 0.999?
                """#),
        Broken(
            "a target below zero", [#""10d""#: #""10d", "target": -0.5"#],
            expected: #"""
                pipelines/orders.jsonc:19:34: target of slas[0] is a share from 0 to 1, and this is -0.5
                """#),
        Broken(
            "a target above a hundred", [#""10d""#: #""10d", "target": 950"#],
            expected: #"""
                pipelines/orders.jsonc:19:34: target of slas[0] is a share from 0 to 1, and this is 950
                """#),
        Broken(
            "an unknown clock",
            [
                #""sources""#: #"""
                "clock": "dta",
                  "sources"
                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:3:12: clock is "dta"; it must be "wall" or "data"; did you mean \#
                "data"?
                """#),
        Broken(
            "a schedule in words",
            [
                #""sources""#: #"""
                "schedule": "every hour",
                  "sources"
                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:3:15: schedule is "every hour"; write five cron fields, as in "5 * \#
                * * *", or @hourly
                """#),
        Broken(
            "a schedule of a minute that no hour has",
            [
                #""sources""#: #"""
                "schedule": "0-60 5 * * *",
                  "sources"
                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:3:15: schedule is "0-60 5 * * *"; 60 is no minute, which is from 0 to 59
                """#),
        Broken(
            "a schedule both ways, in a zone that is none",
            [
                #""sources""#: #"""
                "schedule": { "cron": "@daily", "time_zone": "Berlin" },
                  "sources"
                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:3:48: time_zone of schedule is "Berlin"; it must be a name of the IANA \#
                database, as in "Europe/Berlin"
                """#),
        Broken(
            "a schedule without a time",
            [
                #""sources""#: #"""
                "schedule": { "jitter": "5s" },
                  "sources"
                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:3:15: schedule has either "cron": "5 * * * *" or "every": "10m"
                """#),
        Broken(
            "a schedule of six fields",
            [
                #""sources""#: #"""
                "schedule": "0 5 * * * *",
                  "sources"
                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:3:15: schedule is "0 5 * * * *"; write five cron fields, as in "5 \#
                * * * *", or @hourly
                """#),
        Broken(
            "an unknown name of a schedule",
            [
                #""sources""#: #"""
                "schedule": "@minutely",
                  "sources"
                """#
            ],
            expected: #"""
                pipelines/orders.jsonc:3:15: schedule is "@minutely"; write five cron fields, as in "5 * \#
                * * *", or @hourly
                """#),
        Broken(
            "a star alone", [#""order.created""#: #""*""#],
            expected: #"""
                pipelines/orders.jsonc:17:16: start of slas[0] is "*"; a star stands only at the end, \#
                behind a dot, as in "order.*"
                """#),
        Broken(
            "a star in front", [#""order.created""#: #""*.created""#],
            expected: #"""
                pipelines/orders.jsonc:17:16: start of slas[0] is "*.created"; a star stands only at the \#
                end, behind a dot, as in "order.*"
                """#),
        Broken(
            "a star without a dot", [#""order.created""#: #"["order.new", "order*"]"#],
            expected: #"""
                pipelines/orders.jsonc:17:30: start of slas[0] is "order*"; a star stands only at the \#
                end, behind a dot, as in "order.*"
                """#),
        Broken(
            "two stars", [#""order.created""#: #""order.*.*""#],
            expected: #"""
                pipelines/orders.jsonc:17:16: start of slas[0] is "order.*.*"; a star stands only at the \#
                end, behind a dot, as in "order.*"
                """#),
        Broken(
            "an empty list of types", [#""order.created""#: "[]"],
            expected: #"""
                pipelines/orders.jsonc:17:16: start of slas[0] is an empty array
                """#),
        Broken(
            "an empty type", [#""order.created""#: #""""#],
            expected: #"""
                pipelines/orders.jsonc:17:16: start of slas[0] is empty
                """#),
        Broken(
            "a column behind letters of several bytes",
            [#""pipeline": "orders""#: #""description": "Füße – 👣", "pipline": "orders""#],
            expected: #"""
                pipelines/orders.jsonc:2:30: unknown key "pipline" in the pipeline; did you mean \#
                "pipeline"?
                """#),
        Broken(
            "a mistake in each part",
            [#""path""#: #""paht""#, #""type": "type""#: #""type": """#, #""10d""#: #""10""#],
            expected: #"""
                pipelines/orders.jsonc:6:17: unknown key "paht" in file of sources[0]; did you mean \#
                "path"?
                pipelines/orders.jsonc:9:17: type in event of sources[0]: a field has no name
                pipelines/orders.jsonc:19:17: within of slas[0] is "10", which is no duration; write it \#
                like 90s, 30m, 2h, 10d or PT30M
                """#),
    ]

    static let project: [Broken] = [
        Broken(
            "an unknown key of the project",
            files: [
                "pipelines/project.jsonc": #"""
                {
                  "databse": "postgresql:///orders"
                }

                """#
            ],
            expected: #"""
                pipelines/project.jsonc:2:3: unknown key "databse" in the project; did you mean \#
                "database"?
                """#),
        Broken(
            "a project that is not JSON",
            files: [
                "pipelines/project.jsonc": #"""
                { "min_time": "2026-01-01", "max_time" }

                """#
            ],
            expected: #"""
                pipelines/project.jsonc:1:40: this is not JSON: a colon is expected here
                """#),
        Broken(
            "a project that is a list",
            files: [
                "pipelines/project.jsonc": #"""
                []

                """#
            ],
            expected: #"""
                pipelines/project.jsonc:1:1: the project is an array; it must be an object
                """#),
        Broken(
            "a least time that is none",
            files: [
                "pipelines/project.jsonc": #"""
                { "min_time": "yesterday" }

                """#
            ],
            expected: #"""
                pipelines/project.jsonc:1:15: min_time is "yesterday", which is no time; write it like \#
                2026-01-31T00:00:00Z
                """#),
        Broken(
            "a number for the greatest time",
            files: [
                "pipelines/project.jsonc": #"""
                { "max_time": 2030 }

                """#
            ],
            expected: #"""
                pipelines/project.jsonc:1:15: max_time is a number; it must be a string
                """#),
        Broken(
            "a least time after the greatest",
            files: [
                "pipelines/project.jsonc": #"""
                {
                  "min_time": "2026-02-01",
                  "max_time": "2026-01-01"
                }

                """#
            ],
            expected: #"""
                pipelines/project.jsonc:2:15: min_time 2026-02-01T00:00:00Z is after max_time \#
                2026-01-01T00:00:00Z; no event would be between them
                """#),
        Broken(
            "a database from a variable that is not set",
            files: [
                "pipelines/project.jsonc": #"""
                { "database": "${ORDERS_DATABASE}" }

                """#
            ],
            expected: #"""
                pipelines/project.jsonc:1:15: the environment variable ORDERS_DATABASE is not set; set \#
                it, as in ORDERS_DATABASE=… daybook run
                """#),
        Broken(
            "a key of the project without effect yet",
            files: [
                "pipelines/project.jsonc": #"""
                { "distribute": true }

                """#
            ],
            expected: #"""
                pipelines/project.jsonc:1:17: warning: "distribute" has no effect in this version
                """#),
        Broken(
            "reports that go before the events of which they are made",
            files: [
                "pipelines/project.jsonc": #"""
                { "retention": { "raw": "90d", "report": "30d" } }

                """#
            ],
            expected: #"""
                pipelines/project.jsonc:1:16: retention: report is less than raw: reports of events that are there \#
                would only be computed again
                """#),
        Broken(
            "a retention of less than a day, and a clock that is none",
            files: [
                "pipelines/project.jsonc": #"""
                { "retention": { "raw": "90d", "rejects": "1h", "events": "1d" } }

                """#
            ],
            expected: #"""
                pipelines/project.jsonc:1:49: unknown key "events" in retention; known are raw, rejects, runs, report
                pipelines/project.jsonc:1:16: retention: rejects is less than a day, the least that can be kept
                """#),
    ]
}

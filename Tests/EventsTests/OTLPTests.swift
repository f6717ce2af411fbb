import Events
import Foundation
import Testing

@Suite struct OTLPTests {
    private var otlp = OTLPTranslator()

    private static let line =
        #"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},"#
        + #"{"key":"pid","value":{"intValue":"42"}}],"droppedAttributesCount":1},"scopeLogs":[{"scope":"#
        + #"{"name":"orders","version":"1.2","attributes":[{"key":"x","value":{"boolValue":true}}]},"logRecords":["#
        + #"{"timeUnixNano":"1767323045000000001","observedTimeUnixNano":"1767323045000000002","severityNumber":9,"#
        + #""severityText":"INFO","traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","flags":1,"#
        + #""eventName":"order.paid","body":{"stringValue":"order \"7\" paid"},"attributes":[{"key":"order.id","#
        + #""value":{"stringValue":"o-7"}}],"droppedAttributesCount":2} , {"body":{"intValue":"1"}}],"#
        + #""schemaUrl":"https://schemas.example/1"}]}]}"#

    @Test mutating func readsEachLogRecord() throws {
        let chunk = TranslatedChunk(Self.line, by: &otlp)
        let shared =
            #""resource":{"service.name":"shop","pid":42},"#
            + #""scope":{"name":"orders","version":"1.2","attributes":{"x":true}},"schemaUrl":"https://schemas.example/1"}"#
        #expect(
            chunk.records.map(\.json) == [
                #"{"timeUnixNano":1767323045000000001,"observedTimeUnixNano":1767323045000000002,"severityNumber":9,"#
                    + #""severityText":"INFO","traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","#
                    + #""flags":1,"eventName":"order.paid","body":"order \"7\" paid","attributes":{"order.id":"o-7"},"#
                    + #""droppedAttributesCount":2,"time":1767323045000000001,"# + shared,
                #"{"body":1,"# + shared,
            ])
        let bytes = Array(Self.line.utf8)
        let places = chunk.records.map { String(decoding: bytes[$0.range], as: UTF8.self) }
        #expect(
            places[0].hasPrefix(#"{"timeUnixNano""#) && places[0].hasSuffix(#""droppedAttributesCount":2}"#))
        #expect(places[1] == #"{"body":{"intValue":"1"}}"#)
    }

    @Test(arguments: [
        (#"{"stringValue":"x\n\u00e9"}"#, #""x\n\u00e9""#), (#"{"stringValue":""}"#, #""""#),
        (#"{"intValue":"-12"}"#, "-12"), (#"{"intValue":9223372036854775807}"#, "9223372036854775807"),
        (#"{"intValue":"12x"}"#, #""12x""#), (#"{"intValue":"007"}"#, #""007""#),
        (#"{"intValue":""}"#, #""""#),
        (#"{"intValue":"-"}"#, #""-""#), (#"{"intValue":"1 "}"#, #""1 ""#), (#"{"intValue":"0"}"#, "0"),
        (#"{"doubleValue":1.5e3}"#, "1.5e3"), (#"{"doubleValue":"NaN"}"#, #""NaN""#),
        (#"{"doubleValue":"-Infinity"}"#, #""-Infinity""#), (#"{"doubleValue":"0.5"}"#, "0.5"),
        (#"{"boolValue":false}"#, "false"), (#"{"bytesValue":"aGk="}"#, #""aGk=""#),
        ("{}", "null"), ("null", "null"), (#"{"stringValue":null}"#, "null"), (#"{"otherValue":1}"#, "null"),
        (#"{"arrayValue":{"values":[{"intValue":"1"},{},{"arrayValue":{"values":[]}}]}}"#, "[1,null,[]]"),
        (#"{"arrayValue":{}}"#, "[]"), (#"{"arrayValue":{"values":null}}"#, "[]"),
        (#"{"arrayValue":7}"#, "[]"),
        (
            #"{"kvlistValue":{"values":[{"key":"a.b","value":{"intValue":"1"}},{"key":"c"},{"value":{"stringValue":"v"},"#
                + #""key":"d"},{"key":"e","value":{"kvlistValue":{}}}]}}"#,
            #"{"a.b":1,"c":null,"d":"v","e":{}}"#
        ),
        // what is no AnyValue is as it is written
        ("7", "7"), (#""text""#, #""text""#), ("[1, 2]", "[1, 2]"),
        // the last counts
        (#"{"stringValue":"x","intValue":"1"}"#, "1"), (#"{"arrayValue":{},"boolValue":true}"#, "true"),
        (#"{"other":{"stringValue":"x"},"stringValue":"y"}"#, #""y""#),
        (#"{"\u0073tringValue":"y"}"#, #""y""#),
        ("{ \"intValue\" : \"5\" }", "5"),
    ])
    mutating func flattensValues(value: String, json: String) throws {
        let body = try #require(record(#"{"body":\#(value)}"#))
        #expect(body == #"{"body":\#(json),"resource":{},"scope":{}}"#)
        let attribute = try #require(record(#"{"attributes":[{"key":"k","value":\#(value)}]}"#))
        #expect(attribute == #"{"attributes":{"k":\#(json)},"resource":{},"scope":{}}"#)
        _ = try TranslatedChunk.members(attribute)
    }

    @Test(arguments: [
        ("{}", "{"), (#"{"timeUnixNano":"0","observedTimeUnixNano":0,"severityNumber":0,"flags":0}"#, "{"),
        (#"{"severityText":"","traceId":"","spanId":"","eventName":"","droppedAttributesCount":null}"#, "{"),
        (#"{"timeUnixNano":"5"}"#, #"{"timeUnixNano":5,"time":5,"#),
        (#"{"timeUnixNano":5}"#, #"{"timeUnixNano":5,"time":5,"#),
        (#"{"observedTimeUnixNano":"6"}"#, #"{"observedTimeUnixNano":6,"time":6,"#),
        (#"{"observedTimeUnixNano":"6","timeUnixNano":"0"}"#, #"{"observedTimeUnixNano":6,"time":6,"#),
        (
            #"{"observedTimeUnixNano":"6","timeUnixNano":"5"}"#,
            #"{"observedTimeUnixNano":6,"timeUnixNano":5,"time":5,"#
        ),
        (#"{"timeUnixNano":"soon"}"#, #"{"timeUnixNano":"soon","time":"soon","#),
        (#"{"severityNumber":"SEVERITY_NUMBER_INFO"}"#, #"{"severityNumber":"SEVERITY_NUMBER_INFO","#),
        // as older libraries name events
        (
            #"{"attributes":[{"key":"event.name","value":{"stringValue":"paid"}}]}"#,
            #"{"attributes":{"event.name":"paid"},"eventName":"paid","#
        ),
        (
            #"{"eventName":"","attributes":[{"value":{"stringValue":"a\"b"},"key":"event.name"},{"key":"z"}]}"#,
            #"{"attributes":{"event.name":"a\"b","z":null},"eventName":"a\"b","#
        ),
        (
            #"{"eventName":"x","attributes":[{"key":"event.name","value":{"stringValue":"paid"}}]}"#,
            #"{"eventName":"x","attributes":{"event.name":"paid"},"#
        ),
        (
            #"{"attributes":[{"key":"event.name","value":{"intValue":"1"}}]}"#,
            #"{"attributes":{"event.name":1},"#
        ),
        (
            #"{"attributes":[{"key":"event.name","value":{"stringValue":""}}]}"#,
            #"{"attributes":{"event.name":""},"#
        ),
        (
            #"{"body":{"kvlistValue":{"values":[{"key":"event.name","value":{"stringValue":"in"}}]}}}"#,
            #"{"body":{"event.name":"in"},"#
        ),
        // what is not known stays
        (
            #"{"new_member":{"stringValue": [1, "x"]},"z":null}"#,
            #"{"new_member":{"stringValue": [1, "x"]},"z":null,"#
        ),
        (#"{"attributes":[]}"#, #"{"attributes":{},"#),
        (#"{"attributes":[null,7,{},{"value":1}]}"#, #"{"attributes":{},"#),
        (#"{"attributes":{"a":1}}"#, #"{"attributes":{},"#),
        (
            #"{"attributes":[{"key":"a","value":{"intValue":"1"}},{"key":"a","value":{"intValue":"2"}}]}"#,
            #"{"attributes":{"a":1,"a":2},"#
        ),
        (#"{"attributes":[{"key":"\u0061\"","value":{"intValue":"1"}}]}"#, #"{"attributes":{"\u0061\"":1},"#),
    ])
    mutating func writesTheMembers(record text: String, start: String) throws {
        let json = try #require(record(text))
        #expect(json == start + #""resource":{},"scope":{}}"#)
        _ = try TranslatedChunk.members(json)
    }

    /// Members come in any order; each record has the resource, the scope and the schema that it stands in.
    @Test mutating func joinsRecordsWithTheirScopes() throws {
        func attributes(_ value: String) -> String {
            #"{"attributes":[{"key":"n","value":{"stringValue":"\#(value)"}}]}"#
        }
        let line =
            #"{"x":1,"resourceLogs":[{"schemaUrl":"r1","scopeLogs":[{"logRecords":[{"a":1},{"a":2}],"scope":{"name":"s1"}},"#
            + #"{"logRecords":[]},{"schemaUrl":"","logRecords":[{"a":3}]}],"resource":\#(attributes("one"))},{},"#
            + #"{"resource":\#(attributes("two")),"scopeLogs":[{"logRecords":[{"a":4}],"schemaUrl":"s4"}],"schemaUrl":"r2"},"#
            + #"{"scopeLogs":[{"logRecords":[{"a":5}]}]}],"y":[{}]}"#
        let chunk = TranslatedChunk(line, by: &otlp)
        #expect(
            chunk.records.map(\.json) == [
                #"{"a":1,"resource":{"n":"one"},"scope":{"name":"s1"},"schemaUrl":"r1"}"#,
                #"{"a":2,"resource":{"n":"one"},"scope":{"name":"s1"},"schemaUrl":"r1"}"#,
                #"{"a":3,"resource":{"n":"one"},"scope":{},"schemaUrl":"r1"}"#,
                #"{"a":4,"resource":{"n":"two"},"scope":{},"schemaUrl":"s4"}"#,
                #"{"a":5,"resource":{},"scope":{}}"#,
            ])
        let bytes = Array(line.utf8)
        #expect(
            chunk.records.map { String(decoding: bytes[$0.range], as: UTF8.self) }
                == (1...5).map { #"{"a":\#($0)}"# })
        // and nothing of it stays
        #expect(record("{}") == #"{"resource":{},"scope":{}}"#)
    }

    @Test mutating func takesDoubledMembers() throws {
        let list = #"[{"key":"n","value":{"intValue":"1"}}]"#
        let resource = #"{"attributes":\#(list),"attributes":\#(list)}"#
        let line =
            #"{"resourceLogs":[{"resource":\#(resource),"scopeLogs":[{"scope":\#(resource),"logRecords":[{}]}]}]}"#
        let json = try #require(TranslatedChunk(line, by: &otlp).records.first?.json)
        #expect(
            json == #"{"resource":{"n":1,"n":1},"scope":{"attributes":{"n":1},"attributes":{"n":1}}}"#)
    }

    @Test(arguments: [
        #"{"resourceLogs":[]}"#, #"{"resourceLogs":null}"#, #"{"resourceLogs":[{}]}"#,
        #" {"resourceLogs":[{"scopeLogs":[]}]} "#,
        #"{"resourceLogs":[{"scopeLogs":[{"logRecords":[]}]}]}"#,
        #"{"resourceLogs":[null,{"scopeLogs":[null]}]}"#,
        #"{"resourceLogs":[{"resource":null,"scopeLogs":null}]}"#,
    ])
    mutating func yieldsNothingOfNothing(line: String) {
        #expect(TranslatedChunk(line, by: &otlp).records.isEmpty)
    }

    @Test(
        arguments: [
            (#"{"resourceSpans":[]}"#, .malformedJSON, "the object has no resourceLogs"),
            ("{}", .malformedJSON, "the object has no resourceLogs"),
            (#"{"resource_logs":[]}"#, .malformedJSON, "the object has no resourceLogs"),
            ("[]", .notAnObject, "the line is valid JSON, but not an object"),
            ("7", .notAnObject, "the line is valid JSON, but not an object"),
            (#"{"resourceLogs":{}}"#, .malformedJSON, "column 17: resourceLogs is not an array"),
            (
                #"{"resourceLogs":[7]}"#, .malformedJSON,
                "column 18: an element of resourceLogs is not an object"
            ),
            (
                #"{"resourceLogs":[{"resource":[]}]}"#, .malformedJSON,
                "column 30: a resource is not an object"
            ),
            (
                #"{"resourceLogs":[{"scopeLogs":[[]]}]}"#, .malformedJSON,
                "column 32: an element of scopeLogs is not an object"
            ),
            (
                #"{"resourceLogs":[{"scopeLogs":"x"}]}"#, .malformedJSON,
                "column 31: scopeLogs is not an array"
            ),
            (
                #"{"resourceLogs":[{"scopeLogs":[{"scope":1}]}]}"#, .malformedJSON,
                "column 41: a scope is not an object"
            ),
            (#"{"é":{},"resourceLogs":1}"#, .malformedJSON, "column 25: resourceLogs is not an array"),
            (
                #"{"resourceLogs":[{]}"#, .malformedJSON,
                "column 19: a member name in double quotes is expected here"
            ),
            (#"{"resourceLogs":[]"#, .malformedJSON, "column 19: the text ends in the middle of a value"),
            (#"{"resourceLogs":[]} x"#, .malformedJSON, "column 21: there is more text after the value"),
            (#"{"a":01}"#, .malformedJSON, "column 6: this is not a number as JSON writes them"),
        ] as [(String, RejectCode, String)])
    mutating func tellsWhatIsMalformed(line: String, code: RejectCode, reason: String) {
        let records = TranslatedChunk(line, by: &otlp).records
        #expect(records.map(\.range) == [0..<line.utf8.count])
        #expect(records.map(\.code) == [code])
        #expect(records.map(\.reason) == [reason])
    }

    /// A text that ends early is refused as a whole, wherever it ends.
    @Test mutating func refusesATextThatEndsEarly() {
        let bytes = Array(Self.line.utf8)
        for count in 1..<bytes.count {
            let records = TranslatedChunk(Array(bytes[..<count]), by: &otlp).records
            #expect(records.map(\.code) == [.malformedJSON], "\(count)")
        }
    }

    /// A record that is none does not cost the others.
    @Test mutating func refusesWhatIsNoRecord() {
        let records = TranslatedChunk(
            #"{"resourceLogs":[{"scopeLogs":[{"logRecords":[7,{},null]}]}]}"#, by: &otlp
        ).records
        #expect(records.map(\.code) == [.notAnObject, nil, .notAnObject])
        #expect(records.map(\.range) == [46..<47, 48..<50, 51..<55])
        #expect(records[1].json == #"{"resource":{},"scope":{}}"#)
    }

    @Test mutating func boundsTheDepthOfValues() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: #"{"arrayValue":{"values":["#, count: depth) + #"{"intValue":"1"}"#
                + String(repeating: "]}}", count: depth)
        }
        let deep = try #require(record(#"{"body":\#(nested(100))}"#))
        #expect(deep.contains(String(repeating: "[", count: 100) + "1]"))
        func line(resource: String, body: String) -> String {
            #"{"resourceLogs":[{"resource":{"attributes":[{"key":"k","value":\#(resource)}]},"scopeLogs":[{"logRecords":"#
                + #"[{"body":\#(body)},{}]}]}]}"#
        }
        let codes = TranslatedChunk(line(resource: "{}", body: nested(101)), by: &otlp).records.map(\.code)
        #expect(codes == [.nestedTooDeep, nil])
        let all = TranslatedChunk(line(resource: nested(20_000), body: "{}"), by: &otlp).records
        #expect(all.map(\.code) == [.nestedTooDeep, .nestedTooDeep])
        #expect(all.map(\.reason) == Array(repeating: "a value is nested deeper than 100 levels", count: 2))
    }

    /// Random values, written as OTLP by the test and read with another reader of JSON.
    @Test mutating func readsWhatExportersWrite() throws {
        var dice = TextDice(seed: 41)
        for _ in 0..<1_000 {
            let (resourceText, resource) = attributes(&dice)
            var texts: [String] = []
            var expected: [[String: Any]] = []
            for _ in 0..<dice.number(in: 1...3) {
                let (attributesText, attributes) = attributes(&dice)
                let (bodyText, body) = value(&dice, depth: 0)
                let time = dice.number(in: 1...Int.max)
                var members = [
                    #""timeUnixNano":"\#(time)""#, #""body":\#(bodyText)"#,
                    #""attributes":\#(attributesText)"#,
                    #""traceId":"""#,
                ]
                members.shuffle(using: &dice)
                texts.append("{" + members.joined(separator: dice.pick([",", " , "])) + "}")
                expected.append([
                    "timeUnixNano": NSNumber(value: time), "time": NSNumber(value: time), "body": body,
                    "attributes": attributes, "resource": resource, "scope": [String: Any](),
                ])
            }
            var members = [
                #""resource":{"attributes":\#(resourceText)}"#,
                #""scopeLogs":[{"logRecords":[\#(texts.joined(separator: ","))]}]"#,
            ]
            members.shuffle(using: &dice)
            let line = #"{"resourceLogs":[{\#(members.joined(separator: ","))}]}"#
            let chunk = TranslatedChunk(line, by: &otlp)
            #expect(chunk.records.count == expected.count)
            for (record, object) in zip(chunk.records, expected) {
                let read = try TranslatedChunk.members(try #require(record.json))
                #expect(NSDictionary(dictionary: read) == NSDictionary(dictionary: object), "\(line)")
            }
        }
    }

    private func attributes(_ dice: inout TextDice) -> (text: String, value: [String: Any]) {
        var (texts, values): ([String], [String: Any]) = ([], [:])
        for index in 0..<dice.number(in: 0...4) {
            let (text, value) = value(&dice, depth: 1)
            let key = dice.pick(["a.b", "é", "q\\\"", "n"]) + "\(index)"
            let members = [#""key":"\#(key)""#, #""value":\#(text)"#]
            texts.append("{" + (dice.chance(30) ? members.reversed() : members).joined(separator: ",") + "}")
            values[key.replacingOccurrences(of: "\\\"", with: "\"")] = value
        }
        return ("[\(texts.joined(separator: ","))]", values)
    }

    private func value(_ dice: inout TextDice, depth: Int) -> (text: String, value: Any) {
        switch dice.number(in: 0...(depth < 4 ? 7 : 5)) {
        case 0:
            let text = dice.text(of: ["a", "é", "😀", " ", "{", "]", ","], lengths: 0...10)
            return (#"{"stringValue":"\#(text)"}"#, text)
        case 1:
            let number = dice.number(in: -1_000_000_000_000...1_000_000_000_000)
            return (
                #"{"intValue":\#(dice.chance(50) ? "\"\(number)\"" : "\(number)")}"#, NSNumber(value: number)
            )
        case 2: return (#"{"doubleValue":0.5}"#, NSNumber(value: 0.5))
        case 3: return (#"{"boolValue":true}"#, NSNumber(value: true))
        case 4: return ("{}", NSNull())
        case 5: return (#"{"bytesValue":"AAE="}"#, "AAE=")
        case 6:
            let (text, values) = attributes(&dice)
            return (#"{"kvlistValue":{"values":\#(text)}}"#, values)
        default:
            let elements = (0..<dice.number(in: 0...3)).map { _ in value(&dice, depth: depth + 1) }
            return (
                #"{"arrayValue":{"values":[\#(elements.map(\.text).joined(separator: ","))]}}"#,
                elements.map(\.value)
            )
        }
    }

    @Test mutating func writesSoundJSONOfAnything() throws {
        let parts = [
            #"{"resourceLogs":[{"scopeLogs":[{"logRecords":["#, "]}]}]}", "{", "}", "[", "]", ",", ":",
            #""key""#, #""value""#,
            #""body":"#, #""attributes":"#, #"{"key":"a","value":"#, #""arrayValue":"#, #""values":"#,
            #""event.name""#,
            #"{"stringValue":"x"}"#, #"{"intValue":"1"}"#, #"{"kvlistValue":"#, "7", "null", #""\""#, "é",
            #""timeUnixNano":"#, " ",
            #"{"scope":"#, #""resource":"#,
        ]
        try TranslatedChunk.expectSound(parts, seed: 9, rounds: 20_000, by: &otlp)
        // of text that is sound, with parts put in place of others
        var dice = TextDice(seed: 10)
        let values = [
            "7", "null", #""""#, "{}", "[]", "[{}]", #"{"key":"event.name","value":{"stringValue":"x"}}"#,
            "true",
        ]
        let bytes = Array(Self.line.utf8)
        let opening = bytes.indices.filter {
            bytes[$0] == UInt8(ascii: "{") || bytes[$0] == UInt8(ascii: "[")
        }
        for _ in 0..<3_000 {
            var text = Self.line
            for _ in 0..<dice.number(in: 1...2) {
                guard let start = Optional(dice.pick(opening)),
                    let end = end(of: Array(text.utf8), from: start)
                else { continue }
                text = String(
                    decoding: Array(text.utf8)[..<start] + Array(dice.pick(values).utf8)
                        + Array(text.utf8)[end...],
                    as: UTF8.self)
            }
            for record in TranslatedChunk(text, by: &otlp).records {
                guard let json = record.json else { continue }
                #expect(throws: Never.self, "\(text) became \(json)") { try TranslatedChunk.members(json) }
            }
        }
    }

    private static let pretty = """
        {
          "resourceLogs": [
            {
              "scopeLogs": [ { "logRecords": [
                { "timeUnixNano": "1767323045000000001", "eventName": "a", "body": {"stringValue": "} ] \\" {"} },
                { "timeUnixNano": "1767323045000000002", "eventName": "b" } ] } ]
            }
          ]
        }
        """

    private static let flat =
        #"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"1767323045000000003","eventName":"c"}]}]}]}"#

    @Test("Objects over several lines, each chunk boundary, with objects that have no end between")
    func objectsOverLines() throws {
        let cut = Self.pretty.split(separator: "\n").dropLast(3).joined(separator: "\n")
        let cases: [(text: String, types: [String], rejects: [String])] = [
            (Self.pretty, ["a", "b"], []), (Self.pretty + "\n" + Self.flat + "\n", ["a", "b", "c"], []),
            (Self.pretty.replacing("\n", with: "\r\n") + "\r\n\(Self.flat)", ["a", "b", "c"], []),
            ("\(cut)\n\(Self.pretty)\n", ["a", "b"], [cut]), ("\(Self.flat)\n\(cut)", ["c"], [cut]),
            ("{ \"resourceLogs\":\n\(Self.flat)\n", ["c"], ["{ \"resourceLogs\":"]),
        ]
        for (text, types, rejects) in cases {
            let bytes = Array(text.utf8)
            var mapping = EventMapping.sample()
            mapping.type = .field(FieldPath(steps: ["eventName"]))
            let source = SourceMapping.events([mapping])
            let whole = ParsedRecords.parse(bytes, with: TranslatedParser(source, OTLPTranslator()))
            #expect(whole.types == types, "\(text)")
            #expect(whole.rejects.map(\.raw) == rejects, "\(text)")
            #expect(whole.end == bytes.count)
            for end in bytes.indices {
                let parsed = ParsedRecords.parse(
                    bytes, cutAt: end, first: .more, with: TranslatedParser(source, OTLPTranslator()))
                if parsed != whole { Issue.record("cut at \(end): \(parsed)") }
            }
        }
    }

    /// Behind the object or array that begins at `start`.
    private func end(of bytes: [UInt8], from start: Int) -> Int? {
        var depth = 0
        for place in start..<max(start, bytes.count) {
            if bytes[place] == UInt8(ascii: "{") || bytes[place] == UInt8(ascii: "[") { depth += 1 }
            if bytes[place] == UInt8(ascii: "}") || bytes[place] == UInt8(ascii: "]") { depth -= 1 }
            if depth == 0 { return place > start ? place + 1 : nil }
        }
        return nil
    }

    private mutating func record(_ text: String) -> String? {
        let line = #"{"resourceLogs":[{"scopeLogs":[{"logRecords":[\#(text)]}]}]}"#
        let records = TranslatedChunk(line, by: &otlp).records
        #expect(records.count == 1)
        if let reason = records.first?.reason { Issue.record("\(text) was refused: \(reason)") }
        return records.first?.json
    }
}

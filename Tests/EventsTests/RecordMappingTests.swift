import Events
import Testing

/// The rules of a mapping, on JSON records; those of CSV are in `CSVParserTests`.
@Suite struct RecordMappingTests {
    private static let start = #"{"time":"2026-01-02T03:04:05Z","kind":"a""#

    @Test func mapsEveryColumn() {
        let mapping = SourceMapping.event {
            ($0.caseID, $0.service, $0.entity) = (field("case"), field("service"), field("entity"))
            ($0.userID, $0.correlationID, $0.sequence) = (field("user"), field("trace"), field("n"))
            ($0.eventID, $0.details) = (.reference(field("id")), field("data"))
        }
        let parsed = parse(
            """
            {"id":"e-1","time":"2026-01-02T03:04:05.123456Z","kind":"order.created","case":"c-1","service":"till",\
            "entity":"parcel","user":"u-1","trace":"t-1","n":-42,"data":{"a":[1, 2]},"rest":1}
            """, mapping)
        let row = ParsedRecords.Row(
            time: "2026-01-02T03:04:05.123456Z", position: 0, sequence: -42, entity: "parcel", caseID: "c-1",
            eventID: "e-1", type: "order.created", service: "till", userID: "u-1", correlationID: "t-1",
            details: #"{"a":[1, 2]}"#)
        #expect(parsed.rows == [row])
    }

    @Test func hasDefaults() {
        let row = ParsedRecords.Row(
            time: "2026-01-02T03:04:05Z", position: 0, sequence: nil, entity: "order", caseID: "obj:0",
            eventID: "obj:0", type: "a", service: "shop", userID: nil, correlationID: nil, details: "{}")
        #expect(parse(Self.start + "}", .event()).rows == [row])
        let mapping = SourceMapping.event {
            ($0.caseID, $0.service, $0.entity) = (field("case"), field("service"), field("entity"))
            ($0.userID, $0.correlationID, $0.sequence) = (field("user"), field("trace"), field("n"))
        }
        #expect(parse(Self.start + "}", mapping).rows == [row])
        let nulls = #","case":null,"service":null,"entity":null,"user":null,"trace":null,"n":null}"#
        #expect(parse(Self.start + nulls, mapping).rows == [row])
    }

    @Test(
        arguments: [
            // field, members, text
            ("id", #""id":"x""#, "x"), ("id", #""other":"x""#, nil), ("id", #""id":null"#, nil),
            ("id", #""id":"""#, ""),
            ("id", #""id":"null""#, "null"), ("id", #""id":true"#, "true"), ("id", #""id":false"#, "false"),
            ("id", #""ID":"x""#, nil), ("id", #""id ":"x""#, nil), ("id", #""i":"x","idx":"y""#, nil),
            // numbers as they are written
            ("id", #""id":0"#, "0"), ("id", #""id":-0"#, "-0"), ("id", #""id":1.50"#, "1.50"),
            ("id", #""id":1E+2"#, "1E+2"),
            ("id", #""id":12345678901234567890123"#, "12345678901234567890123"),
            // escapes
            ("id", #""id":"a\"\\\/\b\f\n\r\tz""#, "a\"\\/\u{8}\u{C}\n\r\tz"),
            ("id", #""id":"\u00e9\u20AC\ud83D\uDe00""#, "é€😀"),
            ("id", #""id":"é€😀""#, "é€😀"), ("id", #""\u0069d":"x""#, "x"), ("a\"b", #""a\"b":"x""#, "x"),
            ("é", #""\u00e9":"x""#, "x"), ("é", #""é":"x""#, "x"), ("😀", #""\ud83d\ude00":"x""#, "x"),
            // the last of several
            ("id", #""id":"x","id":"y""#, "y"), ("id", #""id":"x","id":null"#, nil),
            ("id", #""id":null,"id":"y""#, "y"),
            ("id", #""id":[],"id":"y""#, "y"), ("id", #""id":"x","\u0069d":"y""#, "y"),
            ("o.id", #""o":{"id":"x"},"o":{"id":"y"}"#, "y"), ("o.id", #""o":{"id":"x"},"o":{}"#, nil),
            ("o.id", #""o":{"id":"x"},"o":5"#, nil), ("o.id", #""o":{"id":"x"},"o":null"#, nil),
            ("o.id", #""o":{"id":"x","id":"y"}"#, "y"), ("o.id", #""o":7,"o":{"id":"y"}"#, "y"),
            ("o.0", #""o":["x"],"o":[]"#, nil),
            // paths
            ("o.id", #""o":{"id":"x"}"#, "x"), ("o.id", #""o.id":"x""#, nil), ("/o.id", #""o.id":"x""#, "x"),
            ("/o.id", #""o":{"id":"x"}"#, nil), ("/o/id", #""o":{"id":"x"}"#, "x"),
            ("o.id", #""o":{"i":{},"id":"x"}"#, "x"),
            ("o.id", #""o":{}"#, nil), ("o.id", #""o":[]"#, nil), ("o.id", #""o":["id"]"#, nil),
            ("o.id", #""o":"id""#, nil),
            ("o.id", #""o":{"o":{"id":"x"}}"#, nil), ("a.b.c.d", #""a":{"b":{"c":{"d":"x"}}}"#, "x"),
            ("a.b.c", #""a":{"b":[{"c":1}],"b2":{"c":2}}"#, nil),
            ("/case:concept:name", #""case:concept:name":"x""#, "x"),
            ("/a~1b", #""a/b":"x""#, "x"), ("/m~0n", #""m~n":"x""#, "x"), ("/~01", #""~1":"x""#, "x"),
            ("/", #""":"x""#, "x"),
            ("/a~1b/m~0n", #""a/b":{"m~n":"x"}"#, "x"), ("o.id", #""o" : { "id" : "x" } "#, "x"),
            ("o.id", #""o":{"\u0069d":"x"}"#, "x"),
            // arrays
            ("a.0", #""a":["x","y"]"#, "x"), ("a.1", #""a":["x","y"]"#, "y"), ("a.2", #""a":["x","y"]"#, nil),
            ("/a/1", #""a":[{},"y"]"#, "y"), ("/a/01", #""a":["x","y"]"#, nil),
            ("/a/-", #""a":["x","y"]"#, nil),
            ("/a/-1", #""a":["x","y"]"#, nil), ("a.0", #""a":[]"#, nil), ("a.0", #""a":{"0":"x"}"#, "x"),
            ("a.1.b.0", #""a":[0,{"b":["x"]}]"#, "x"), ("a.10", #""a":[0,1,2,3,4,5,6,7,8,9,"x"]"#, "x"),
            ("a.0", #""a":[null]"#, nil),
            // templates
            ("{x}", #""x":"1""#, "1"), ("{x}.{y}", #""x":"1","y":2"#, "1.2"), ("{x}.{y}", #""x":"1""#, nil),
            ("{x}.{y}", #""x":"1","y":null"#, nil), ("{x}.{y}", #""x":"1","y":"""#, "1."),
            ("{x}{x}", #""x":"1""#, "11"),
            ("{{{x}}}", #""x":"1""#, "{1}"), ("{{x}}", #""x":"1""#, "{x}"),
            ("id {o.id}", #""o":{"id":true}"#, "id true"),
            ("{/o.id}:{/a/0}", #""o.id":"x","a":["y"]"#, "x:y"), ("<{x}>", #""x":"\u00e9\n""#, "<é\n>"),
        ] as [(String, String, String?)])
    func findsAField(reference: String, members: String, text: String?) {
        let mapping = SourceMapping.event { $0.userID = field(reference) }
        let parsed = parse("\(Self.start),\(members)}", mapping)
        #expect(parsed.rejects == [])
        #expect(parsed.rows.map(\.userID) == [text])
        #expect(parse("{\(members),\(Self.start.dropFirst())}", mapping).rows.map(\.userID) == [text])
    }

    @Test(arguments: [
        (#""a":"1","b":{"c":"2"}"#, "1"), (#""b":{"c":"2"},"a":"1""#, "1"), (#""b":{"c":"2"}"#, "2"),
        (#""a":null,"b":{"c":"2"}"#, "2"), (#""a":"","b":{"c":"2"}"#, ""),
        (#""b":{"c":null},"d":4,"e":5"#, "4-5"),
        (#""d":4"#, "none"), (#""d":4,"e":null"#, "none"), ("\"z\":1", "none"),
    ])
    func takesTheFirstPresent(members: String, text: String) {
        let choice = FieldReference.firstPresent([
            field("a"), field("b.c"), field("{d}-{e}"), .constant("none"),
        ])
        #expect(
            parse("\(Self.start),\(members)}", .event { $0.userID = choice }).rows.map(\.userID) == [text])
        #expect(
            parse("\(Self.start),\(members)}", .event { $0.userID = first("a", "b.c", "{d}-{e}") }).rows.map(
                \.userID)
                == [text == "none" ? nil : text])
    }

    @Test(
        "A fallback stays in the details unless it is taken",
        arguments: [
            (#""x":1,"a":"1","b":"2","c":"3","y":2"#, #"{"x":1,"b":"2","c":"3","y":2}"#),
            (#""x":1,"b":"2","c":"3","y":2"#, #"{"x":1,"c":"3","y":2}"#),
            (#""b":"2","c":"3""#, #"{"c":"3"}"#), (#""c":"3","x":1"#, #"{"x":1}"#), (#""c":"3""#, "{}"),
            (#""a":null,"b":null,"c":"3","x":1"#, #"{"b":null,"x":1}"#),
            (#""o":{"p":1},"d":"4","x":1"#, #"{"o":{"p":1},"d":"4","x":1}"#),
        ])
    func keepsFallbacks(members: String, details: String) {
        let choice = FieldReference.firstPresent([
            field("a"), .fallback(field("b")), .fallback(field("{c}")), .fallback(field("o.p")),
            .fallback(field("d")),
        ])
        let line = "\(Self.start),\(members)}"
        #expect(parse(line, .event { $0.userID = choice }).details == [details])
        // As the scanner of every line has it, too.
        #expect(
            parse(line + "\n" + line + "\n", .event { $0.userID = choice }).details == [details, details])
    }

    @Test func aFallbackAmongVeryManyMembersLosesNothing() {
        let choice = FieldReference.firstPresent([field("a")] + (0..<99).map { .fallback(field("f\($0)")) })
        for missing in [0, 62, 63, 64, 98] {
            let members = (missing..<99).map { "\"f\($0)\":\"\($0)\"" }
            let parsed = parse(
                "\(Self.start),\(members.joined(separator: ","))}", .event { $0.userID = choice })
            #expect(parsed.rows.map(\.userID) == ["\(missing)"])
            #expect(parsed.details == ["{\(members.dropFirst().joined(separator: ","))}"])
        }
    }

    @Test func nestedValuesAreNoTexts() {
        for (reference, members) in [
            ("o", #""o":{}"#), ("o", #""o":[1]"#), ("{o}", #""o":{}"#), ("o.a", #""o":{"a":[]}"#),
        ] {
            let parsed = parse("\(Self.start),\(members)}", .event { $0.correlationID = field(reference) })
            #expect(parsed.codes == [.notAScalar])
            #expect(parsed.rows == [])
        }
        // A path and one that leads through it.
        let both = SourceMapping.event { ($0.userID, $0.correlationID) = (first("o", "o.id"), field("o.id")) }
        #expect(parse(#"\#(Self.start),"o":"x"}"#, both).rows.map(\.userID) == ["x"])
        #expect(parse(#"\#(Self.start),"o":{"id":"x"}}"#, both).codes == [.notAScalar])
    }

    @Test func constantsNeedNoField() {
        let mapping = SourceMapping.event {
            ($0.type, $0.service, $0.userID) = (.constant("é{x}"), .constant(""), .constant("u"))
        }
        let parsed = parse("{\"time\":0}\n{\"time\":\"2026-01-02\"}", mapping)
        #expect(parsed.codes == [.timeOutOfRange])
        #expect(parsed.rows.map { [$0.type, $0.service, $0.userID] } == [["é{x}", "", "u"]])
    }

    // MARK: - Times

    @Test(arguments: [
        (#""2026-01-02T03:04:05Z""#, "2026-01-02T03:04:05Z"),
        (#""2026-01-02 03:04:05""#, "2026-01-02T03:04:05Z"),
        (#""2026-01-02T05:04:05.0000019+02:00""#, "2026-01-02T03:04:05.000001Z"),
        ("1767323045", "2026-01-02T03:04:05Z"),
        (#""1767323045""#, "2026-01-02T03:04:05Z"), ("1767323045.5", "2026-01-02T03:04:05.5Z"),
        ("1767323045123", "2026-01-02T03:04:05.123Z"), ("1767323045123456", "2026-01-02T03:04:05.123456Z"),
        ("1767323045123456789", "2026-01-02T03:04:05.123456Z"),
        (#""2026-01-02T03:04:05\u005a""#, "2026-01-02T03:04:05Z"),
        (#""2000-01-01T00:00:00Z""#, "2000-01-01T00:00:00Z"),
        (#""2100-01-01T00:00:00Z""#, "2100-01-01T00:00:00Z"),
    ])
    func readsTimes(value: String, time: String) throws {
        let parsed = parse(#"{"time":\#(value),"kind":"a"}"#, .event())
        let expected = try #require(
            Array(time.utf8).withUnsafeBufferPointer { Timestamp.parse($0, zone: nil) })
        #expect(parsed.rejects == [])
        #expect(parsed.rows.map(\.time) == ["\(expected)"])
    }

    @Test func readsTimesOfOtherForms() throws {
        let format = try TimeFormat("%d/%b/%Y:%H:%M:%S %z", zone: nil)
        let mapping = SourceMapping.event { $0.occurredAt = .init(field("{day}:{hour}"), format: format) }
        let parsed = parse(
            #"{"kind":"a","day":"02/Jan/2026","hour":"04:04:05 +0100"}"# + "\n"
                + #"{"kind":"a","day":"2026-01-02","hour":"x"}"#, mapping)
        #expect(parsed.rows.map(\.time) == ["\(Timestamp(microseconds: 1_767_323_045_000_000))"])
        #expect(parsed.codes == [.badTime])
        #expect(
            parsed.rejects.map(\.reason) == [
                #""day" is "2026-01-02:x", not a time of the form %d/%b/%Y:%H:%M:%S %z"#
            ])
    }

    // MARK: - Details

    @Test(arguments: [
        // bytes are kept as they were written
        (#"{"time":"2026-01-02","kind":"a"}"#, "{}"),
        (#"{"time":"2026-01-02","kind":"a","x":1}"#, #"{"x":1}"#),
        (#"{"x":1,"time":"2026-01-02","kind":"a"}"#, #"{"x":1}"#),
        (#"{"time":"2026-01-02","x":1,"kind":"a"}"#, #"{"x":1}"#),
        (#"{"x":1,"time":"2026-01-02","y":2,"kind":"a","z":3}"#, #"{"x":1,"y":2,"z":3}"#),
        (
            #"{ "x" : 1.50 , "time":"2026-01-02", "y" : [ 1 ] , "w" : "\u0041\/" ,"kind":"a" }"#,
            #"{"x" : 1.50,"y" : [ 1 ] , "w" : "\u0041\/"}"#
        ),
        (#"{"x":null,"time":"2026-01-02","kind":"a","":""}"#, #"{"x":null,"":""}"#),
        // members of a mapping that are named whole are left out, each time they are given
        (#"{"time":"2026-01-02","kind":"b","kind":"a","x":1,"k\u0069nd":"a"}"#, #"{"x":1}"#),
        (#"{"id":7,"time":"2026-01-02","kind":"a","case":null,"x":{"id":8}}"#, #"{"x":{"id":8}}"#),
        // nested ones stay
        (
            #"{"time":"2026-01-02","kind":"a","o":{"user":"u","p":1},"x":1}"#,
            #"{"o":{"user":"u","p":1},"x":1}"#
        ),
        (#"{"time":"2026-01-02","o":{"user":"u"},"kind":"a"}"#, #"{"o":{"user":"u"}}"#),
        // doubles stay, for jsonb to take the last
        (#"{"x":1,"time":"2026-01-02","kind":"a","x":2}"#, #"{"x":1,"x":2}"#),
    ])
    func leavesOverWhatIsNotNamed(line: String, details: String) {
        let mapping = SourceMapping.event {
            ($0.eventID, $0.userID) = (.reference(first("id", "kind")), field("o.user"))
            $0.caseID = first("case", "id", "kind")
        }
        #expect(parse(line, mapping).details == [details])
    }

    /// More runs of members than are kept apart: nothing is lost, and the text is still JSON.
    @Test func leavesOverAllOfAStrangeObject() {
        for count in [63, 64, 65, 66, 100] {
            let members = (0..<count).map { #""x\#($0)":\#($0),"kind":"a""# }.joined(separator: ",")
            let parsed = parse(#"{\#(members),"time":"2026-01-02","last":[]}"#, .event())
            let details = (parsed.details.first ?? nil) ?? ""
            #expect(ScannerVerdict(details.utf8) == .sound)
            for index in 0..<count { #expect(details.contains(#""x\#(index)":\#(index)"#)) }
            #expect(details.hasSuffix(#""last":[]}"#))
            #expect(details.contains(#""kind""#) == (count >= 64))
        }
    }

    @Test(
        arguments: [
            (#""d":{"a":[1, {}]}"#, #"{"a":[1, {}]}"#), (#""d":[ ]"#, "[ ]"),
            (#""d":"te\u0041\"xt""#, #""te\u0041\"xt""#),
            (#""d":"""#, #""""#), (#""d":-1.50e3"#, "-1.50e3"), (#""d":true"#, "true"),
            (#""d":false"#, "false"),
            (#""d":null"#, nil), (#""x":1"#, nil),
        ] as [(String, String?)])
    func mapsDetails(members: String, details: String?) {
        for reference in [field("d"), first("none", "d", "kind2")] {
            let parsed = parse("\(Self.start),\(members),\"y\":1}", .event { $0.details = reference })
            #expect(parsed.details == [details])
        }
    }

    @Test func mapsDetailsThatAreComposed() {
        func details(_ reference: FieldReference, _ members: String) -> [String?] {
            parse("\(Self.start),\(members)}", .event { $0.details = reference }).details
        }
        #expect(details(.constant("q\"\n"), "\"x\":1") == [#""q\"\n""#])
        #expect(details(field("{x}-{y}"), #""x":"\"é\u0001","y":2"#) == [#""\"é\u0001-2""#])
        #expect(details(field("{x}-{y}"), #""x":1"#) == [nil])
        #expect(details(first("x", "{y}!"), #""y":2"#) == [#""2!""#])
        #expect(details(field("o.p"), #""o":{"p":{"q":1}}"#) == [#"{"q":1}"#])
    }

    @Test func detailsOfATemplateNeedTexts() {
        let parsed = parse(#"\#(Self.start),"x":{}}"#, .event { $0.details = field("{x}!") })
        #expect(parsed.codes == [.notAScalar])
    }

    // MARK: - Several events of a record

    private static let orders = SourceMapping.events([
        .sample { ($0.occurredAt, $0.type) = (.init(field("created")), .constant("created")) },
        .sample { ($0.occurredAt, $0.type) = (.init(field("paid")), .constant("paid")) },
        .sample { ($0.occurredAt, $0.type) = (.init(field("sent.at")), .constant("sent")) },
    ])

    @Test func yieldsAnEventForEachTime() {
        let parsed = parse(
            """
            {"created":"2026-01-01","paid":"2026-01-02","sent":{"at":"2026-01-03"},"x":1}
            {"created":"2026-01-01","paid":null,"sent":{"at":""}}
            {"paid":"","sent":null}
            {}
            {"created":"2026-01-01","paid":"soon","sent":{"at":"2026-01-03"}}
            {"created":"never","paid":"soon"}

            """, Self.orders)
        #expect(parsed.types == ["created", "paid", "sent", "created", "created", "sent"])
        #expect(
            parsed.rows.map(\.eventID) == [
                "obj:0:0", "obj:0:1", "obj:0:2", "obj:78:0", "obj:159:0", "obj:159:2",
            ])
        #expect(parsed.rows.map(\.caseID) == parsed.rows.map(\.eventID))
        let all = #"{"sent":{"at":"2026-01-03"},"x":1}"#
        #expect(Array(parsed.details.prefix(4)) == [all, all, all, #"{"sent":{"at":""}}"#])
        #expect(parsed.codes == [.badTime, .badTime, .badTime])
        #expect(parsed.rejects.map(\.line) == [5, 6, 6])
        #expect(parsed.rejects.map(\.raw).last == #"{"created":"never","paid":"soon"}"#)
        #expect(parsed.filtered == 2)
        #expect(parsed.read == 11)
    }

    @Test func derivesIDsOfContent() {
        var list = Self.orders
        for index in list.events.indices { list.events[index].eventID = .content }
        let record = #"{"created":"2026-01-01","paid":"2026-01-02"}"#
        let hash = SHA256.hex(Array(record.utf8), prefix: 16)
        #expect(
            parse(record + "\n" + record, list).rows.map(\.eventID) == [
                "\(hash):0", "\(hash):1", "\(hash):0", "\(hash):1",
            ])
        // Python's hashlib.sha256 of the line without its line end
        #expect(hash == "d25bbefcd89381c2b03839630434e9b0")
        let one = Self.start + "}"
        let single = SHA256.hex(Array(one.utf8), prefix: 16)
        #expect(
            parse(one + "\r\n" + one + " \n" + one, .event { $0.eventID = .content }).rows.map {
                $0.eventID == single
            }
                == [true, false, true])
    }

    @Test func takesIDsAsTheyAreGiven() {
        var list = Self.orders
        list.events[0].eventID = .reference(field("id"))
        list.events[1].eventID = .reference(field("{id}-paid"))
        let parsed = parse(#"{"id":1,"created":"2026-01-01","paid":"2026-01-02"}"#, list)
        #expect(parsed.rows.map(\.eventID) == ["1", "1-paid"])
        let without = parse(#"{"created":"2026-01-01","sent":{"at":"2026-01-02"}}"#, list)
        #expect(without.codes == [.missingEventID])
        #expect(without.types == ["sent"])
        #expect(parse(#"{"created":"2026-01-01","id":{}}"#, list).codes == [.notAScalar])
    }

    /// One mapping takes what is left over, another names its details: both leave out what either names.
    @Test func detailsOfOneMappingAreNoLeftoverOfAnother() {
        var list = Self.orders
        list.events[1].details = field("basket")
        let parsed = parse(#"{"created":"2026-01-01","paid":"2026-01-02","basket":[1],"x":1}"#, list)
        #expect(parsed.details == [#"{"x":1}"#, "[1]"])
    }

    private func parse(_ text: String, _ mapping: SourceMapping) -> ParsedRecords {
        ParsedRecords.parse(Array(text.utf8), with: NDJSONParser(mapping))
    }
}

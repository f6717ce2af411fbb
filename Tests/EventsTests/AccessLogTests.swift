import Events
import Foundation
import Testing

@Suite struct AccessLogTests {
    private var access = AccessLogTranslator()

    @Test(arguments: [
        // Common
        (
            #"203.0.113.9 - u-17 [05/Mar/2026:08:09:10 +0100] "GET /cart?a=1 HTTP/1.0" 200 2326"#,
            #"{"host":"203.0.113.9","user":"u-17","time":"05/Mar/2026:08:09:10 +0100","#
                + #""request":"GET /cart?a=1 HTTP/1.0","method":"GET","path":"/cart?a=1","protocol":"HTTP/1.0","#
                + #""status":200,"bytes":2326}"#
        ),
        // Combined
        (
            #"2001:db8::1 id - [01/Jan/2026:00:00:00 +0000] "POST /pay HTTP/2.0" 201 - "https://shop.example/" "curl/8.5""#,
            #"{"host":"2001:db8::1","ident":"id","time":"01/Jan/2026:00:00:00 +0000","request":"POST /pay HTTP/2.0","#
                + #""method":"POST","path":"/pay","protocol":"HTTP/2.0","status":201,"referer":"https://shop.example/","#
                + #""user_agent":"curl/8.5"}"#
        ),
        // with what many configurations of nginx add
        (
            #"h - - [t] "HEAD / HTTP/1.1" 304 0 "-" "-" "198.51.100.7, 10.0.0.1" 0.004 - "-" rt="0.1 2" [up]"#,
            #"{"host":"h","time":"t","request":"HEAD / HTTP/1.1","method":"HEAD","path":"/","protocol":"HTTP/1.1","#
                + #""status":304,"bytes":0,"#
                + #""extra":["198.51.100.7, 10.0.0.1","0.004",null,null,"rt=\"0.1 2\"","[up]"]}"#
        ),
        // vhost_combined
        (
            #"shop.example:443 203.0.113.9 - - [t] "GET / HTTP/1.1" 200 5 "-" "x""#,
            #"{"vhost":"shop.example:443","host":"203.0.113.9","time":"t","request":"GET / HTTP/1.1","method":"GET","#
                + #""path":"/","protocol":"HTTP/1.1","status":200,"bytes":5,"user_agent":"x"}"#
        ),
    ])
    mutating func readsTheFormats(line: String, json: String) throws {
        #expect(TranslatedChunk.object(line, by: &access) == json)
        _ = try TranslatedChunk.members(json)
    }

    @Test(arguments: [
        ("h - - [t]", #""host":"h","time":"t""#), ("h i  [t]", #""host":"h","ident":"i","time":"t""#),
        ("h - two words [t]", #""host":"h","user":"two words","time":"t""#),
        (#"h - a\"b\xc3\xa9 [t]"#, #""host":"h","user":"a\"bé","time":"t""#),
        ("[::1]:80 h - u [t]", #""vhost":"[::1]:80","host":"h","user":"u","time":"t""#),
        ("::1 - u v [t]", #""host":"::1","user":"u v","time":"t""#),
        ("a:80 - - [t]", #""host":"a:80","time":"t""#),
        ("a:b - u v [t]", #""host":"a:b","user":"u v","time":"t""#),
        ("a:80 h i u v [t]", #""vhost":"a:80","host":"h","ident":"i","user":"u v","time":"t""#),
        ("10.0.0.1, 10.0.0.2 - u [t]", #""host":"10.0.0.1, 10.0.0.2","user":"u","time":"t""#),
        ("h - - [ t ] ", #""host":"h","time":" t ""#), ("h\t-  u\t[t]", #""host":"h","user":"u","time":"t""#),
    ])
    mutating func readsTheClient(client: String, members: String) {
        #expect(
            TranslatedChunk.object("\(client) \"-\" 200 -", by: &access) == "{\(members),\"status\":200}")
    }

    @Test(arguments: [
        ("GET /a b HTTP/1.1", #","method":"GET","path":"/a b","protocol":"HTTP/1.1""#),
        ("M-SEARCH * HTTP/1.1", #","method":"M-SEARCH","path":"*","protocol":"HTTP/1.1""#),
        ("GET / RTSP/1.0", #","method":"GET","path":"/","protocol":"RTSP/1.0""#),
        ("GET /", ""), ("GET", ""), ("GET  HTTP/1.1", ""), ("GET / HTTP", ""), ("GET / HTTP/", ""),
        ("G3T / HTTP/1.1", ""), (" / HTTP/1.1", ""), ("GET / /1.1", ""), ("GET / HTTP/x", ""), (" ", ""),
        ("a  b/1", ""),
    ])
    mutating func splitsOnlyRequests(request: String, parts: String) {
        #expect(
            TranslatedChunk.object("h - - [t] \"\(request)\" 400 0", by: &access)
                == #"{"host":"h","time":"t","request":"\#(request)"\#(parts),"status":400,"bytes":0}"#)
    }

    @Test(arguments: [
        (#"\x16\x03\x01"#, #"\u0016\u0003\u0001"#), (#"\xc3\xa9\xF0\x9F\x98\x80"#, "é😀"),
        (#"\xff\xfe\xc3("#, #"\\xff\\xfe\\xc3("#), (#"a\x00b"#, #"a\\x00b"#),
        (#"\"q\" \\ \n\t"#, #"\"q\" \\ \n\t"#),
        (#"\q\x4"#, #"\\q\\x4"#), (#"\x22\x5C"#, #"\"\\"#), ("\u{1}\té", #"\u0001\té"#), (#"\\"#, #"\\"#),
        (#"\x"#, #"\\x"#),
    ])
    mutating func readsEscapes(written: String, json: String) throws {
        let object = try #require(TranslatedChunk.object("h - - [t] \"\(written)\" 400 0", by: &access))
        #expect(object == #"{"host":"h","time":"t","request":"\#(json)","status":400,"bytes":0}"#)
        _ = try TranslatedChunk.members(object)
    }

    @Test(arguments: [
        ("200 5", #""status":200,"bytes":5"#), ("000 007", #""status":0,"bytes":7"#),
        ("200 123456789012345678", #""status":200,"bytes":123456789012345678"#),
        ("200 1234567890123456789", #""status":200,"bytes":"1234567890123456789""#),
        (#"200 5 """#, #""status":200,"bytes":5,"extra":[null]"#),
        (#"200 5 "" "" "#, #""status":200,"bytes":5"#),
        (#"200 5 "r" "a"  "#, #""status":200,"bytes":5,"referer":"r","user_agent":"a""#),
        ("200 5 0.25 x", #""status":200,"bytes":5,"extra":["0.25","x"]"#),
        (#"200 5 "r""#, #""status":200,"bytes":5,"extra":["r"]"#),
        (#"200 5 "r" 7 "a""#, #""status":200,"bytes":5,"extra":["r","7","a"]"#),
        (#"200 5 - "a" "b""#, #""status":200,"bytes":5,"extra":[null,"a","b"]"#),
        (
            #"200 5 "r" "a" b\n "c\n""#,
            #""status":200,"bytes":5,"referer":"r","user_agent":"a","extra":["b\\n","c\n"]"#
        ),
    ])
    mutating func readsTheAnswer(answer: String, members: String) {
        #expect(
            TranslatedChunk.object("h - - [t] \"-\" \(answer)", by: &access)
                == #"{"host":"h","time":"t",\#(members)}"#)
    }

    @Test mutating func leavesOutWhatIsAbsent() {
        #expect(TranslatedChunk.object(#"- - - [-] "-" - - "-" "-""#, by: &access) == "{}")
        #expect(TranslatedChunk.object(#"- -  [] "" - -"#, by: &access) == "{}")
    }

    @Test(arguments: [
        ("hello", 6, "the time in brackets is expected here"),
        (#"h - - "GET / HTTP/1.1" 200 5"#, 7, "the time in brackets is expected here"),
        (#"h [t] "GET / HTTP/1.1" 200 5"#, 7, "the time in brackets is expected here"),
        (#"[t"#, 3, "the time in brackets is expected here"),
        ("é - - [t", 8, "the bracket that opens here is never closed"),
        ("h - - [t] GET / 200 5", 11, "the request in quotes is expected here"),
        ("h - - [t]", 10, "the request in quotes is expected here"),
        (#"h - - [t] "GET / HTTP/1.1 200 5"#, 11, "the quote that opens here is never closed"),
        (#"h - - [t] "a\"#, 11, "the quote that opens here is never closed"),
        (#"h - - [t] "a"b" 200 5"#, 14, "text follows a closing quote; a quote inside is written \\\""),
        (#"h - - [t] "a""#, 14, "the status, digits or -, is expected here"),
        (#"h - - [t] "a" ok 5"#, 15, "the status, digits or -, is expected here"),
        (#"h - - [t] "a" 200"#, 18, "the bytes, digits or -, is expected here"),
        (#"h - - [t] "a" 200 "r" "u""#, 19, "the bytes, digits or -, is expected here"),
        (#"h - - [t] "a" 200 -5"#, 19, "the bytes, digits or -, is expected here"),
        (#"h - - [t] "a" 200 5 "r" "u"#, 25, "the quote that opens here is never closed"),
        (#"h - - [t] "a" 200 5 "r" "u" x="y"#, 31, "the quote that opens here is never closed"),
        (
            #"h - - [t] "a" 200 5 "r" "u" "x"y"#, 32,
            "text follows a closing quote; a quote inside is written \\\""
        ),
    ])
    mutating func tellsWhatIsMalformed(line: String, column: Int, problem: String) {
        #expect(TranslatedChunk.reason(line, by: &access) == "column \(column): \(problem)")
    }

    @Test mutating func forgetsTheLineBefore() {
        _ = TranslatedChunk("a:1 b c d e f", by: &access)
        #expect(TranslatedChunk.object("h - - [t] \"-\" - -", by: &access) == #"{"host":"h","time":"t"}"#)
    }

    /// Lines in all the formats, as Apache and as nginx escape them, and read with another reader of JSON.
    @Test mutating func readsWhatServersWrite() throws {
        let letters = ["a", "B", "0", "/", "?", "=", ".", "-", "é", "😀", "%"]
        let others = [" ", "\"", "\\", "\n", "\t", "\u{1}", "\u{1F}", "\u{7F}", "[", "]"]
        var dice = TextDice(seed: 23)
        for _ in 0..<3_000 {
            let isApache = dice.chance(50)
            func text(_ alphabet: [String], atLeast: Int = 0) -> String {
                let text = dice.text(of: alphabet, lengths: atLeast...20)
                return text == "-" ? "" : text
            }
            func quoted(_ text: String) -> String {
                "\"\(text.isEmpty ? "-" : escaped(text, isApache, &dice))\""
            }
            var expected: [String: String] = [:]
            func note(_ name: String, _ value: String) {
                if !value.isEmpty { expected[name] = value }
            }
            let host = "203.0.113.\(dice.number(in: 0...255))"
            let user = text(["a", "é", "7", "."])
            let time = "05/Mar/2026:08:09:10 -0\(dice.number(in: 100...999))"
            note("host", host)
            note("user", user)
            note("time", time)
            var line = "\(host) - \(user.isEmpty ? "-" : user) [\(time)] "
            if dice.chance(30) {
                line = "shop.example:8\(user.utf8.count) \(line)"
                note("vhost", "shop.example:8\(user.utf8.count)")
            }
            if dice.chance(80) {
                let path = "/" + text(letters + others)
                let method = dice.pick(["GET", "PURGE", "get"])
                line += quoted("\(method) \(path) HTTP/1.1")
                note("request", "\(method) \(path) HTTP/1.1")
                note("method", method)
                note("path", path)
                note("protocol", "HTTP/1.1")
            } else {
                let request = text(letters + ["\u{1}", "\"", "\\"])
                line += quoted(request)
                note("request", request)
            }
            let status = dice.number(in: 100...599)
            let bytes = dice.number(in: 0...1_000_000)
            line += " \(status) \(bytes)"
            var extra: [String] = []
            if dice.chance(80) {
                let (referer, agent) = (text(letters + others), text(letters + others))
                note("referer", referer)
                note("user_agent", agent)
                line += " \(quoted(referer)) \(quoted(agent))"
                extra = (0..<dice.number(in: 0...3)).map { _ in text(letters + others) }
                for field in extra { line += " \(quoted(field))" }
            }
            let members = try TranslatedChunk.members(try #require(TranslatedChunk.object(line, by: &access)))
            #expect(members["status"] as? Int == status)
            #expect(members["bytes"] as? Int == bytes)
            #expect(members.compactMapValues { $0 as? String } == expected, "\(line)")
            let read = (members["extra"] as? [Any])?.map { $0 as? String ?? "" } ?? []
            #expect(read == extra, "\(line)")
        }
    }

    private func escaped(_ text: String, _ isApache: Bool, _ dice: inout TextDice) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            let isOther = scalar.value < 0x20 || scalar == "\"" || scalar == "\\" || scalar == "\u{7F}"
            switch scalar {
            case "\"" where isApache: result += "\\\""
            case "\\" where isApache: result += "\\\\"
            case "\n" where isApache: result += "\\n"
            case "\t" where isApache: result += "\\t"
            case _ where isOther || scalar.value >= 0x80 && dice.chance(50):
                let format = isApache ? "\\x%02x" : "\\x%02X"
                result += Array(String(scalar).utf8).map { String(format: format, $0) }.joined()
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    @Test mutating func writesSoundJSONOfAnything() throws {
        try TranslatedChunk.expectSound(
            [
                "h", " - ", " ", "[t] ", "\"", "\"", "\\", "\\xff", "\\xc3\\xa9", "\"GET / HTTP/1.1\" ",
                "200 ", "007", "-",
                "\" \"", "é", "😀", "\t", "\u{1}", "a:80 ", ",", "h - - [t] \"GET / HTTP/1.1\" 200 5 ", "x=\"",
                "]", "[",
            ], seed: 6, rounds: 30_000, by: &access)
    }
}

import Foundation
import Generate
import Testing

@Suite struct BadLinesTests {
    @Test(arguments: [1, 5, 23, 100]) func asManyAsAskedAndNothingElseChanges(count: Int) throws {
        let clean = GeneratedOutput(GeneratorOptions(orders: 100))
        let output = GeneratedOutput(GeneratorOptions(orders: 100, badLines: count))
        #expect(output.summary.badLines == count)
        let good = output.lines.filter { !$0.contains(Array("order.noted".utf8)) }
        #expect(good == clean.lines)
        #expect(output.lines.count == clean.lines.count + count)
    }

    @Test func eachOfTheFiveKinds() throws {
        let output = GeneratedOutput(GeneratorOptions(orders: 100, badLines: 20))
        let bad = output.lines.filter { $0.contains(Array("order.noted".utf8)) }
        var kinds: [String: Int] = [:]
        for line in bad {
            let object = GeneratedOutput.object(line)
            let kind =
                if String(validating: line, as: UTF8.self) == nil {
                    "invalid UTF-8"
                } else if let object {
                    object["time"] == nil ? "no time" : object["time"] as? String ?? "?"
                } else if line.last == UInt8(ascii: "}") {
                    "broken JSON"
                } else {
                    "cut short"
                }
            kinds[kind, default: 0] += 1
        }
        #expect(
            kinds == ["invalid UTF-8": 4, "no time": 4, "yesterday": 4, "broken JSON": 4, "cut short": 4])
        for service in GeneratedService.allCases {
            let marker = Array("\"service\":\"\(service.rawValue)\"".utf8)
            #expect(bad.count { $0.contains(marker) } >= 4)
        }
    }

    @Test func optionsOutOfRangeAreRefused() {
        #expect(throws: GeneratorError.self) { try GeneratorOptions(orders: 3, badLines: 4).validate() }
        #expect(throws: GeneratorError.self) { try GeneratorOptions(lateShare: .nan).validate() }
        #expect(throws: GeneratorError(option: "days", value: "0", range: "1 to 36,500")) {
            try GeneratorOptions(days: 0).validate()
        }
    }
}

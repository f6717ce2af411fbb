import Foundation
import Generate
import Testing

@Suite struct GeneratorTests {
    static let usual = GeneratedOutput(GeneratorOptions(orders: 2_500, days: 14))

    @Test func sameSeedGivesSameBytes() {
        let again = GeneratedOutput(GeneratorOptions(orders: 2_500, days: 14))
        #expect(again.bytes == Self.usual.bytes)
        #expect(again.summary == Self.usual.summary)
    }

    /// Pinned so that a change of the output is a decision: scripts and measurements rely on equal files.
    @Test func firstLinesArePinned() {
        let head = Self.usual.lines.prefix(100).joined(separator: [UInt8(ascii: "\n")])
        #expect(GeneratedOutput.hash(head) == 671_025_056_870_115_338)
        #expect(GeneratedOutput.hash(Self.usual.bytes) == 3_534_560_581_845_997_668)
    }

    @Test func otherSeedsGiveOtherEvents() throws {
        let other = try GeneratedOutput(GeneratorOptions(orders: 500, seed: 2)).events().map(\.id)
        let usual = try GeneratedOutput(GeneratorOptions(orders: 500, seed: 1)).events().map(\.id)
        #expect(Set(usual).isDisjoint(with: other))
    }

    @Test func outputsOfOtherNumbersContinueEachOther() throws {
        let first = try GeneratedOutput(GeneratorOptions(orders: 800)).events()
        let second = try GeneratedOutput(GeneratorOptions(orders: 800, startNumber: 801)).events()
        #expect(Set(first.map(\.id)).isDisjoint(with: second.map(\.id)))
        #expect(Set(first.map(\.orderID)).isDisjoint(with: second.map(\.orderID)))
        let days = { (events: [GeneratedEvent]) in
            Set(events.filter { $0.type == "order.created" }.map { $0.occurredAtMilliseconds / 86_400_000 })
        }
        #expect(days(first) == days(second))
    }

    @Test func linesHaveTheirAverageLength() {
        let average = Double(Self.usual.summary.bytes) / Double(Self.usual.summary.lines)
        print("average line: \(average) bytes")
        #expect((255...285).contains(average))
    }

    @Test func everyLineIsAnEvent() throws {
        #expect(Self.usual.bytes.last == UInt8(ascii: "\n"))
        let objects = Self.usual.objects
        #expect(objects.count == Self.usual.lines.count)
        for object in objects {
            _ = try GeneratedOutput.event(object)
            let data = object["data"] as? [String: Any]
            _ = try GeneratedOutput.text("status", of: data ?? [:])
        }
    }

    @Test func summaryCountsWhatStandsInTheLines() throws {
        let summary = Self.usual.summary
        let events = try Self.usual.events()
        #expect(summary.lines == Self.usual.lines.count)
        #expect(summary.bytes == Self.usual.bytes.count)
        #expect(summary.events == events.count)
        #expect(summary.duplicates == Self.usual.lines.count - events.count)
        #expect(summary.badLines == 0)
        #expect(summary.firstTimeMilliseconds == events.map(\.occurredAtMilliseconds).min())
        #expect(summary.lastTimeMilliseconds == events.map(\.occurredAtMilliseconds).max())
        let orders = { (type: String) in Set(events.filter { $0.type == type }.map(\.orderID)) }
        #expect(summary.orders == orders("order.created").count)
        #expect(summary.cancelled == orders("order.cancelled").count)
        let finished = orders("order.delivered").union(orders("order.cancelled"))
        #expect(summary.neverDelivered == summary.orders - finished.count)
        let lines = Dictionary(grouping: Self.usual.objects) { $0["service"] as? String ?? "" }
        for service in GeneratedService.allCases {
            #expect(summary.linesByService[service] == lines[service.rawValue]?.count)
        }
    }

    @Test func sharesAreNearWhatWasAsked() {
        let options = GeneratorOptions(orders: 6_000, duplicateShare: 0.02, lateShare: 0.05)
        let summary = Generator(options).write { _ in }
        let share = { (count: Int, whole: Int) in Double(count) / Double(whole) }
        #expect((0.018...0.022).contains(share(summary.duplicates, summary.events)))
        #expect((0.045...0.055).contains(share(summary.late, summary.events)))
        #expect((0.025...0.035).contains(share(summary.cancelled, summary.orders)))
        #expect((0.025...0.035).contains(share(summary.neverDelivered, summary.orders)))
        #expect((6.0...6.5).contains(share(summary.events, summary.orders)))
        let expected = GeneratorOptions.orders(forEvents: summary.events)
        #expect((5_850...6_150).contains(expected))
    }

    @Test func sharesOfZeroGiveNone() throws {
        let output = GeneratedOutput(GeneratorOptions(orders: 1_000, duplicateShare: 0, lateShare: 0))
        #expect(output.summary.duplicates == 0)
        #expect(output.summary.late == 0)
        #expect(try output.events().count == output.lines.count)
        #expect(try furthestBehind(output) < 10_000)
    }

    @Test func copiesAreExact() throws {
        let distinctLines = Set(Self.usual.lines)
        #expect(distinctLines.count == Self.usual.summary.events)
        #expect(distinctLines.count < Self.usual.lines.count)
    }

    @Test func lateEventsComeBehindLaterOnes() throws {
        #expect(Self.usual.summary.late > 0)
        let hours = try furthestBehind(Self.usual) / 3_600_000
        #expect((12...48).contains(hours))
    }

    /// How long before an event of an earlier line the oldest event of a later line happened.
    private func furthestBehind(_ output: GeneratedOutput) throws -> Int64 {
        var latest = Int64.min
        var furthest: Int64 = 0
        for event in try output.events() {
            latest = max(latest, event.occurredAtMilliseconds)
            furthest = max(furthest, latest - event.occurredAtMilliseconds)
        }
        return furthest
    }

    @Test func stepsOfAnOrderRiseInTimeAndSequence() throws {
        for (_, events) in Dictionary(
            grouping: Generator(GeneratorOptions(orders: 1_000)).events(), by: \.orderID)
        {
            let steps = events.sorted { $0.sequence < $1.sequence }
            #expect(steps.map(\.sequence) == Array(1...steps.count))
            #expect(steps.first?.type == "order.created")
            for (step, next) in zip(steps, steps.dropFirst()) {
                #expect(step.occurredAtMilliseconds < next.occurredAtMilliseconds)
            }
        }
    }

    @Test func textsHoldWhatIsHardToRead() {
        let text = String(decoding: Self.usual.bytes, as: UTF8.self)
        for part in ["Łódź", "東京", #"\"no. 7\""#, #"\n"#, #"\ud83c\udf81"#, "🎁", #"C:\\gifts"#, "null"] {
            #expect(text.contains(part), "\(part)")
        }
        let withUser = Self.usual.objects.count { $0["user_id"] != nil }
        #expect(withUser > 0 && withUser < Self.usual.lines.count)
    }

    @Test func nightsAreQuieterThanEvenings() {
        let created = Generator(GeneratorOptions(orders: 5_000, days: 7)).events()
            .filter { $0.type == "order.created" }
        let inHour = { (hour: Int64) in
            created.count { $0.occurredAtMilliseconds / 3_600_000 % 24 == hour }
        }
        #expect(inHour(3) * 5 < inHour(20))
    }

    @Test func stopsAtTheEnd() throws {
        let whole = GeneratedOutput(GeneratorOptions(orders: 1_000, days: 4)).lines
        let cut = GeneratedOutput(GeneratorOptions(orders: 1_000, days: 4, stopAtEnd: true))
        #expect(cut.lines == Array(whole.prefix(cut.lines.count)))
        #expect(cut.lines.count < whole.count)
        let end = (GeneratorOptions.defaultStart + 4 * 86_400) * 1_000
        #expect(try #require(cut.summary.lastTimeMilliseconds) < end)
        #expect(try #require(cut.summary.lastTimeMilliseconds) > end - 3_600_000)
    }

    @Test(arguments: [0, 1, 2, 7]) func smallNumbers(orders: Int) throws {
        let output = GeneratedOutput(GeneratorOptions(orders: orders, days: 1))
        #expect(output.summary.orders == orders)
        #expect(
            try output.events().map(\.id)
                == Generator(GeneratorOptions(orders: orders, days: 1)).events().map(\.id))
    }

    @Test func datesAreRightInEveryMonthAndAroundLeapDays() throws {
        for (start, days) in [(0, 400), (951_696_000, 4), (1_709_078_400, 4), (4_107_456_000, 4)]
            as [(Int64, Int)]
        {
            let options = GeneratorOptions(orders: 200, days: days, start: start)
            let written = try GeneratedOutput(options).events().map(\.occurredAtMilliseconds)
            #expect(written == Generator(options).events().map(\.occurredAtMilliseconds))
            #expect(try #require(written.min()) >= start * 1_000)
        }
    }
}

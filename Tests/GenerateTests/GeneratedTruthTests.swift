import Generate
import Testing

@Suite struct GeneratedTruthTests {
    private func event(_ type: String, _ order: String, atSecond second: Int64) -> GeneratedEvent {
        GeneratedEvent(
            id: "\(order) \(type) \(second)", occurredAtMilliseconds: second * 1_000, type: type,
            service: .checkout, orderID: order, sequence: 0)
    }

    @Test func countsByTheRules() {
        let within: Int64 = 100
        let truth = GeneratedTruth(
            events: [
                event("order.created", "met at the limit", atSecond: 10),
                event("order.delivered", "met at the limit", atSecond: 110),
                event("order.delivered", "late", atSecond: 3_599 + 101),
                event("order.created", "late", atSecond: 3_599),
                event("order.created", "open", atSecond: 3_600),
                event("order.delivered", "open", atSecond: 3_500),
                event("order.created", "cancelled first", atSecond: 3_700),
                event("order.cancelled", "cancelled first", atSecond: 3_710),
                event("order.delivered", "cancelled first", atSecond: 3_720),
                event("order.created", "cancelled too late", atSecond: 3_700),
                event("order.delivered", "cancelled too late", atSecond: 3_710),
                event("order.cancelled", "cancelled too late", atSecond: 3_710),
                event("order.delivered", "no start", atSecond: 20),
            ], withinSeconds: within)

        var first = GeneratedTruth.Hour()
        first.started = 2
        first.completed = 2
        first.met = 1
        first.late = 1
        var second = GeneratedTruth.Hour()
        second.started = 3
        second.completed = 1
        second.met = 1
        second.open = 1
        second.cancelled = 1
        #expect(truth.hours == [0: first, 3_600: second])
    }

    @Test func linesAndEventsTellTheSame() throws {
        let options = GeneratorOptions(orders: 1_500, days: 10)
        let events = Generator(options).events()
        let read = try GeneratedOutput(options).events()
        #expect(read.map(\.id) == events.map(\.id))
        #expect(GeneratedTruth(events: read) == GeneratedTruth(events: events))
        for (one, other) in zip(read, events) {
            #expect(one.type == other.type && one.service == other.service && one.orderID == other.orderID)
            #expect(one.sequence == (one.service == .delivery ? 0 : other.sequence))
        }
    }

    @Test func theTableHasStructure() {
        let truth = GeneratedTruth(events: Generator(GeneratorOptions(orders: 6_000, days: 14)).events())
        let total = truth.total
        #expect(total.started == 6_000)
        #expect(total.started == total.completed + total.open + total.cancelled)
        #expect((0.80...0.95).contains(Double(total.met) / Double(total.completed)))
        let lateShare = { (day: Int64) in
            let hours = truth.hours.filter { ($0.key - GeneratorOptions.defaultStart) / 86_400 == day }.values
            return Double(hours.map(\.late).reduce(0, +)) / Double(hours.map(\.completed).reduce(0, +))
        }
        #expect(lateShare(7) > 3 * lateShare(2), "the warehouse was slow on the eighth day")
    }
}

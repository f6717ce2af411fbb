/// Makes the event logs of an order system, as NDJSON in the order in which the logs get the lines.
///
/// Memory stays small whatever the number of events: of an order under way, only its index is kept (4 bytes),
/// filed under the slice of time in which its next line arrives.
package struct Generator: Sendable {
    let options: GeneratorOptions
    private let timeline: OrderTimeline

    /// - Precondition: `options.validate()` does not throw.
    package init(_ options: GeneratorOptions) {
        do {
            try options.validate()
        } catch {
            preconditionFailure("\(error)")
        }
        self.options = options
        timeline = OrderTimeline(options)
    }

    /// Writes all services, or one, to a sink that gets about 1 MiB at a time, always whole lines.
    /// The bytes are valid only during the call of the sink.
    package func write(
        _ sink: (UnsafeRawBufferPointer) throws -> Void, service: GeneratedService? = nil
    ) rethrows -> GeneratedSummary {
        let lanes = GeneratedService.allCases.map { service == nil || $0 == service ? 0 : nil }
        return try run(lanes: lanes, laneCount: 1) { _, bytes in try sink(bytes) }
    }

    /// Writes each service to a sink of its own, in one pass; services without a sink are left out.
    package func write(
        to sinks: [GeneratedService: (UnsafeRawBufferPointer) throws -> Void]
    ) throws -> GeneratedSummary {
        let services = GeneratedService.allCases.filter { sinks[$0] != nil }
        let ordered = services.compactMap { sinks[$0] }
        let lanes = GeneratedService.allCases.map { services.firstIndex(of: $0) }
        return try run(lanes: lanes, laneCount: ordered.count) { lane, bytes in try ordered[lane](bytes) }
    }

    /// All distinct events in the order of their first arrival. They are kept in memory: for small numbers.
    package func events() -> [GeneratedEvent] {
        var all: [Arrival] = []
        var ofOrder: [Arrival] = []
        for index in 0..<UInt32(options.orders) {
            timeline.read(index, into: &ofOrder)
            all += ofOrder.filter { !$0.isCopy && $0.kind != .bad }
        }
        all.sort(by: <)
        return all.map { arrival in
            let digits = String(timeline.idBits(arrival), radix: 16)
            let decimals = String(timeline.number(arrival.index))
            return GeneratedEvent(
                id: "evt-" + String(repeating: "0", count: 16 - digits.count) + digits,
                occurredAtMilliseconds: arrival.occurredAt, type: "\(arrival.kind.type)",
                service: GeneratedService.allCases[Int(arrival.service)],
                orderID: "ord-" + String(repeating: "0", count: max(0, 9 - decimals.count)) + decimals,
                sequence: Int(arrival.sequence))
        }
    }

    /// - Parameter lanes: for each service, the number of its output, or nil to leave it out.
    private func run(
        lanes: [Int?], laneCount: Int, sink: (Int, UnsafeRawBufferPointer) throws -> Void
    ) rethrows -> GeneratedSummary {
        var output = LaneBuffers(count: laneCount)
        var composer = LineComposer(timeline: timeline)
        var tally = Tally()
        var agenda = Agenda(options, timeline: timeline)
        while agenda.advance(&tally) {
            for arrival in agenda.slice {
                guard let lane = lanes[Int(arrival.service)] else { continue }
                composer.compose(arrival)
                tally.count(arrival, bytes: composer.line.count)
                output.append(composer.line.bytes, to: lane)
                if output.isFull(lane) {
                    try sink(lane, output.bytes(lane))
                    output.clear(lane)
                }
            }
        }
        for lane in 0..<laneCount where !output.bytes(lane).isEmpty {
            try sink(lane, output.bytes(lane))
        }
        return tally.summary
    }
}

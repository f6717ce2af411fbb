/// The hourly table of one SLA, computed straight from its definition: an oracle for what SQL makes of the
/// same events. It knows nothing of how events are generated or written.
package struct GeneratedTruth: Sendable, Equatable {
    /// The cases that started in one hour.
    package struct Hour: Sendable, Equatable {
        package var started = 0
        /// `met + late`.
        package var completed = 0
        package var met = 0
        /// Completed after strictly more than the allowed time.
        package var late = 0
        package var open = 0
        package var cancelled = 0

        package init() {}
    }

    /// By the hour in which the case started, as Unix seconds.
    package var hours: [Int64: Hour]

    /// The sum over all hours.
    package var total: Hour {
        hours.values.reduce(into: Hour()) { sum, hour in
            sum.started += hour.started
            sum.completed += hour.completed
            sum.met += hour.met
            sum.late += hour.late
            sum.open += hour.open
            sum.cancelled += hour.cancelled
        }
    }

    /// - Parameter events: in any order; each distinct event once.
    package init(
        events: [GeneratedEvent], start: String = "order.created", end: String = "order.delivered",
        cancel: String = "order.cancelled", withinSeconds: Int64 = 3 * 86_400
    ) {
        hours = [:]
        for (_, ofOrder) in Dictionary(grouping: events, by: \.orderID) {
            guard let startedAt = GeneratedTruth.times(start, in: ofOrder).min() else { continue }
            let endedAt = GeneratedTruth.times(end, in: ofOrder).filter { $0 >= startedAt }.min()
            let cancelledAt = GeneratedTruth.times(cancel, in: ofOrder).filter { $0 >= startedAt }.min()

            let hourStart = startedAt / 3_600_000 * 3_600
            var hour = hours[hourStart] ?? Hour()
            hour.started += 1
            if let cancelledAt, endedAt.map({ cancelledAt < $0 }) ?? true {
                hour.cancelled += 1
            } else if let endedAt {
                hour.completed += 1
                if endedAt - startedAt > withinSeconds * 1_000 { hour.late += 1 } else { hour.met += 1 }
            } else {
                hour.open += 1
            }
            hours[hourStart] = hour
        }
    }

    private static func times(_ type: String, in events: [GeneratedEvent]) -> [Int64] {
        events.filter { $0.type == type }.map(\.occurredAtMilliseconds)
    }
}

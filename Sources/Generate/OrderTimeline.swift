/// A line to come: an event of one order, or a bad line, with the time at which the log gets it.
struct Arrival {
    /// Unix milliseconds.
    var arrivedAt: Int64
    /// Unix milliseconds.
    var occurredAt: Int64
    /// The index of the order from 0, and in the low 8 bits the place in its timeline: it breaks ties.
    var key: UInt64
    var kind: EventKind
    var service: UInt8
    /// The place of the event in its order, from 1. Of a bad line: which bad line it is, modulo 20.
    var sequence: UInt8
    var isCopy: Bool
    var isLate: Bool

    @inline(__always)
    var index: UInt32 { UInt32(truncatingIfNeeded: key &>> 8) }

    @inline(__always)
    static func < (left: Arrival, right: Arrival) -> Bool {
        left.arrivedAt != right.arrivedAt ? left.arrivedAt < right.arrivedAt : left.key < right.key
    }
}

/// Tells what happens to an order. Everything about an order follows from the seed and its number, so a
/// timeline can be made again whenever it is needed instead of being kept.
struct OrderTimeline {
    let rhythm: OrderRhythm
    private let durations = Durations()
    private let seed: UInt64
    private let idSeed: UInt64
    private let startNumber: UInt64
    private let duplicateThreshold: UInt64
    /// By service.
    private let lateThresholds: [UInt64]
    private let orders: Int
    private let badLines: Int
    /// Unix milliseconds; what arrives at it or later is left out.
    private let end: Int64

    init(_ options: GeneratorOptions) {
        rhythm = OrderRhythm(options)
        seed = SplitMix64.mix(options.seed &+ 0x9E37_79B9_7F4A_7C15)
        idSeed = SplitMix64.mix(options.seed ^ 0x6964)
        startNumber = UInt64(options.startNumber)
        duplicateThreshold = SplitMix64.threshold(options.duplicateShare)
        // The mean over the events of an order is 1, and the road is out of reach more often than a web
        // server.
        lateThresholds = [0.4, 0.5, 1.0, 1.8].map { SplitMix64.threshold($0 * options.lateShare) }
        orders = options.orders
        badLines = options.badLines
        end = options.stopAtEnd ? (options.start + Int64(options.days) * 86_400) * 1_000 : .max
    }

    /// The number that stands in the order's id.
    @inline(__always)
    func number(_ index: UInt32) -> UInt64 {
        startNumber &+ UInt64(index)
    }

    /// The 64 bits of an event's id, one-to-one from the number of the order and the place of the event in
    /// it: no two events of a seed share one.
    @inline(__always)
    func idBits(_ arrival: Arrival) -> UInt64 {
        let place = arrival.kind == .bad ? 63 : UInt64(arrival.sequence)
        return SplitMix64.mix((number(arrival.index) &<< 6 | place) &+ idSeed)
    }

    /// The seed of everything about one order.
    @inline(__always)
    func orderSeed(_ index: UInt32) -> UInt64 {
        SplitMix64.mix(seed ^ SplitMix64.mix(number(index)))
    }

    @inline(__always)
    func created(_ index: UInt32) -> Int64 {
        var random = SplitMix64(seed: orderSeed(index))
        return rhythm.created(index, &random)
    }

    /// Replaces what is in `arrivals` by the lines of one order, in the order in which they happened.
    func read(_ index: UInt32, into arrivals: inout [Arrival]) {
        arrivals.removeAll(keepingCapacity: true)
        var random = SplitMix64(seed: orderSeed(index))
        let createdAt = rhythm.created(index, &random)
        var story = Story(index: index, random: random)
        tell(&story, from: createdAt, into: &arrivals)
        addBadLine(&story, at: createdAt, into: &arrivals)
        if end != .max { arrivals.removeAll { $0.arrivedAt >= end } }
    }

    private struct Story {
        let index: UInt32
        var random: SplitMix64
        var sequence: UInt8 = 0
        var place: UInt64 = 0
    }

    private enum Fate {
        case delivered, stuckBeforePayment, lostInWarehouse, lostOnTheRoad
        case cancelledUnpaid, cancelledPaid, cancelledPacked, cancelledShipped, cancelledTooLate
    }

    @inline(__always)
    private func fate(_ random: inout SplitMix64) -> Fate {
        switch random.below(1_000) {
        case ..<10: .stuckBeforePayment
        case ..<18: .lostInWarehouse
        case ..<30: .lostOnTheRoad
        case ..<39: .cancelledUnpaid
        case ..<51: .cancelledPaid
        case ..<57: .cancelledPacked
        case ..<59: .cancelledShipped
        case ..<60: .cancelledTooLate
        default: .delivered
        }
    }

    private func tell(_ story: inout Story, from createdAt: Int64, into arrivals: inout [Arrival]) {
        var time = createdAt
        add(.created, time, &story, &arrivals)
        let fate = fate(&story.random)
        if fate == .stuckBeforePayment { return }

        var wait = rhythm.stretched(durations.authorization.draw(&story.random), .payment, at: time)
        if fate == .cancelledUnpaid {
            return add(.cancelled, time + wait, &story, &arrivals)
        }
        var failures: UInt32 = rhythm.percent(.payment, at: time) > 100 ? 45 : 15
        while story.random.below(100) < failures {
            time += wait
            add(.paymentFailed, time, &story, &arrivals)
            wait = durations.paymentRetry.draw(&story.random)
            failures /= 2
        }
        time += wait
        add(.paymentAuthorized, time, &story, &arrivals)
        time += durations.payment.draw(&story.random)
        add(.paid, time, &story, &arrivals)

        wait = rhythm.stretched(durations.packing.draw(&story.random), .warehouse, at: time)
        if fate == .cancelledPaid {
            return add(.cancelled, time + wait / 2, &story, &arrivals)
        }
        time = OrderRhythm.daytime(time + wait, opens: 5, closes: 22)
        add(.packed, time, &story, &arrivals)
        if fate == .lostInWarehouse { return }

        wait = durations.handover.draw(&story.random)
        if fate == .cancelledPacked {
            return add(.cancelled, time + wait / 2, &story, &arrivals)
        }
        time = OrderRhythm.daytime(time + wait, opens: 5, closes: 23)
        add(.shipped, time, &story, &arrivals)
        if fate == .lostOnTheRoad { return }

        wait = rhythm.stretched(durations.transit.draw(&story.random), .delivery, at: time)
        if fate == .cancelledShipped || fate == .cancelledTooLate {
            add(.cancelled, time + wait / 3, &story, &arrivals)
            if fate == .cancelledShipped { return }
        }
        time = OrderRhythm.daytime(time + wait, opens: 8, closes: 21)
        if story.random.below(100) < 24 {
            add(.deliveryMissed, time, &story, &arrivals)
            time = OrderRhythm.daytime(time + durations.redelivery.draw(&story.random), opens: 8, closes: 21)
        }
        add(.delivered, time, &story, &arrivals)
    }

    @inline(__always)
    private func add(_ kind: EventKind, _ time: Int64, _ story: inout Story, _ arrivals: inout [Arrival]) {
        let service = kind.service
        story.sequence &+= 1
        let isLate = story.random.chance(lateThresholds[service])
        let delay = (isLate ? durations.lateness[service] : durations.jitter).draw(&story.random)
        var arrival = Arrival(
            arrivedAt: time + delay, occurredAt: time, key: UInt64(story.index) &<< 8 | story.place,
            kind: kind,
            service: UInt8(truncatingIfNeeded: service), sequence: story.sequence, isCopy: false,
            isLate: isLate)
        story.place &+= 1
        arrivals.append(arrival)
        if story.random.chance(duplicateThreshold) {
            arrival.arrivedAt += durations.redelivered.draw(&story.random)
            arrival.key = UInt64(story.index) &<< 8 | story.place
            arrival.isCopy = true
            story.place &+= 1
            arrivals.append(arrival)
        }
    }

    private func addBadLine(_ story: inout Story, at time: Int64, into arrivals: inout [Arrival]) {
        // Spread evenly over the orders; products stay below 2^63, as both factors are below 2^32.
        let index = Int(story.index)
        let number = index * badLines / max(1, orders)
        if (index + 1) * badLines / max(1, orders) == number { return }
        arrivals.append(
            Arrival(
                arrivedAt: time + durations.jitter.draw(&story.random), occurredAt: time,
                key: UInt64(story.index) &<< 8 | story.place, kind: .bad, service: UInt8(number / 5 % 4),
                sequence: UInt8(number % 20), isCopy: false, isLate: false))
    }
}

/// What a generated line tells of.
enum EventKind: UInt8 {
    case created, paymentAuthorized, paymentFailed, paid, packed, shipped, deliveryMissed, delivered,
        cancelled
    /// No event: a line that a loader has to reject.
    case bad

    @inline(__always)
    var type: StaticString {
        switch self {
        case .created: "order.created"
        case .paymentAuthorized: "payment.authorized"
        case .paymentFailed: "payment.failed"
        case .paid: "order.paid"
        case .packed: "order.packed"
        case .shipped: "order.shipped"
        case .deliveryMissed: "delivery.missed"
        case .delivered: "order.delivered"
        case .cancelled: "order.cancelled"
        case .bad: "order.noted"
        }
    }

    /// The service that emits it; an index into `GeneratedService.allCases`.
    @inline(__always)
    var service: Int {
        switch self {
        case .created, .paid, .cancelled, .bad: 0
        case .paymentAuthorized, .paymentFailed: 1
        case .packed: 2
        case .shipped, .deliveryMissed, .delivered: 3
        }
    }
}

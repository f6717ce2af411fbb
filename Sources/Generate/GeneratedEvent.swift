/// The services whose logs are generated; the raw value is what stands in the field `service`.
package enum GeneratedService: String, Sendable, CaseIterable {
    case checkout, payment, warehouse, delivery
}

/// One distinct event, as it stands in a generated line.
package struct GeneratedEvent: Sendable, Equatable {
    package var id: String
    /// Unix time in milliseconds.
    package var occurredAtMilliseconds: Int64
    package var type: String
    package var service: GeneratedService
    package var orderID: String
    /// The place of the event in its order, from 1. Lines of the service `delivery` do not show it.
    package var sequence: Int

    package init(
        id: String, occurredAtMilliseconds: Int64, type: String, service: GeneratedService, orderID: String,
        sequence: Int
    ) {
        self.id = id
        self.occurredAtMilliseconds = occurredAtMilliseconds
        self.type = type
        self.service = service
        self.orderID = orderID
        self.sequence = sequence
    }
}

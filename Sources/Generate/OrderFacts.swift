/// What is in an order and whose it is; it follows from the order's seed alone.
struct OrderFacts {
    struct Item {
        var sku: UInt64
        var quantity: UInt64
        var cents: UInt64
    }

    struct City {
        let name: StaticString
        let country: StaticString
        let currency: StaticString
    }

    /// Odd bits of the order that belong to nothing else, for texts of little weight.
    let noise: UInt64
    let user: UInt64
    let isGuest: Bool
    let itemCount: UInt64
    let city: City
    private let itemSeed: UInt64

    @inline(__always)
    init(orderSeed: UInt64) {
        var random = SplitMix64(seed: orderSeed ^ 0x6661_6374_73)
        noise = random.next()
        let bits = random.next()
        // The smaller of two draws: some customers order often.
        user = min(bits & 0x7FFFF, bits &>> 19 & 0x7FFFF)
        isGuest = bits &>> 38 & 15 == 0
        itemCount = [1, 1, 1, 1, 2, 2, 2, 3][Int(bits &>> 42 & 7)]
        city = OrderFacts.city(Int(bits &>> 45 & 31))
        itemSeed = random.next()
    }

    /// The item at a place from 0 to `itemCount` - 1.
    @inline(__always)
    func item(_ place: UInt64) -> Item {
        let bits = SplitMix64.mix(itemSeed &+ place)
        let base = 199 + (bits & 0x7FF)
        let dear = bits &>> 11 & 15 == 0
        return Item(
            sku: 10_000 + (bits &>> 16 & 0x3FFF), quantity: bits &>> 30 & 7 == 0 ? 2 : 1,
            cents: dear ? base * 23 : base * 2)
    }

    @inline(__always)
    var totalCents: UInt64 {
        var total: UInt64 = 0
        for place in 0..<itemCount {
            let item = item(place)
            total += item.quantity * item.cents
        }
        return total
    }

    @inline(__always)
    private static func city(_ choice: Int) -> City {
        switch choice {
        case 0...3: City(name: "Berlin", country: "DE", currency: "EUR")
        case 4...5: City(name: "Hamburg", country: "DE", currency: "EUR")
        case 6...7: City(name: "München", country: "DE", currency: "EUR")
        case 8: City(name: "Köln", country: "DE", currency: "EUR")
        case 9...11: City(name: "Lyon", country: "FR", currency: "EUR")
        case 12...14: City(name: "Madrid", country: "ES", currency: "EUR")
        case 15: City(name: "Málaga", country: "ES", currency: "EUR")
        case 16...18: City(name: "London", country: "GB", currency: "GBP")
        case 19...20: City(name: "Leeds", country: "GB", currency: "GBP")
        case 21...22: City(name: "Warszawa", country: "PL", currency: "PLN")
        case 23: City(name: "Łódź", country: "PL", currency: "PLN")
        case 24...25: City(name: "Zürich", country: "CH", currency: "CHF")
        case 26: City(name: "Malmö", country: "SE", currency: "SEK")
        case 27...28: City(name: "Stockholm", country: "SE", currency: "SEK")
        case 29: City(name: "東京", country: "JP", currency: "EUR")
        case 30: City(name: "Αθήνα", country: "GR", currency: "EUR")
        default: City(name: "Gent", country: "BE", currency: "EUR")
        }
    }
}

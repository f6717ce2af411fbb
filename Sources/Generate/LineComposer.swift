/// Writes events as JSON, one object a line.
struct LineComposer: ~Copyable {
    var line = LineBuffer()
    private let timeline: OrderTimeline

    init(timeline: OrderTimeline) {
        self.timeline = timeline
    }

    /// Replaces the line by that of an arrival, with its newline.
    mutating func compose(_ arrival: Arrival) {
        line.clear()
        let orderSeed = timeline.orderSeed(arrival.index)
        let facts = OrderFacts(orderSeed: orderSeed)
        if arrival.kind == .bad {
            composeBad(arrival, orderSeed, facts)
        } else {
            head(arrival, orderSeed, facts, time: .itself)
            payload(arrival, facts)
            line.text("}}\n")
        }
    }

    private enum WrittenTime {
        case itself, missing, yesterday
    }

    @inline(__always)
    private mutating func head(
        _ arrival: Arrival, _ orderSeed: UInt64, _ facts: OrderFacts, time: WrittenTime
    ) {
        line.text(#"{"id":"evt-"#)
        line.hexadecimal(timeline.idBits(arrival), digits: 16)
        switch time {
        case .itself:
            line.text(#"","time":""#)
            line.time(arrival.occurredAt)
        case .missing: break
        case .yesterday: line.text(#"","time":"yesterday"#)
        }
        line.text(#"","type":""#)
        line.text(arrival.kind.type)
        switch arrival.service {
        case 0: line.text(#"","service":"checkout","order_id":"ord-"#)
        case 1: line.text(#"","service":"payment","order_id":"ord-"#)
        case 2: line.text(#"","service":"warehouse","order_id":"ord-"#)
        default: line.text(#"","service":"delivery","order_id":"ord-"#)
        }
        line.decimal(timeline.number(arrival.index), atLeast: 9)
        // Guests have no user, and neither warehouse nor road knows of users.
        if !facts.isGuest, arrival.service < 2 {
            line.text(#"","user_id":"usr-"#)
            line.decimal(facts.user, atLeast: 6)
        }
        // One request runs through checkout and payment; warehouse and road have their own.
        line.text(#"","request_id":"req-"#)
        line.hexadecimal(SplitMix64.mix(orderSeed &+ UInt64(max(1, arrival.service))), digits: 8)
        if arrival.service < 3, arrival.kind != .bad {
            line.text(#"","seq":"#)
            line.decimal(UInt64(arrival.sequence))
            line.text(#","data":{"status":""#)
        } else {
            line.text(#"","data":{"status":""#)
        }
    }

    @inline(__always)
    private mutating func payload(_ arrival: Arrival, _ facts: OrderFacts) {
        let noise = facts.noise
        switch arrival.kind {
        case .created: createdPayload(facts)
        case .paymentAuthorized:
            line.text(#"authorized","amount":"#)
            money(facts.totalCents)
            method(noise)
        case .paymentFailed:
            line.text(#"failed""#)
            method(noise)
            line.text(noise & 1 == 0 ? #","reason":"insufficient_funds""# : #","reason":"issuer \/ timeout""#)
        case .paid:
            line.text(#"paid","amount":"#)
            money(facts.totalCents)
        case .packed:
            line.text(#"packed","station":"W"#)
            line.decimal(1 + noise % 3)
            line.byte(UInt8(ascii: "-"))
            line.decimal(noise &>> 8 & 31, atLeast: 2)
            line.text(#"","grams":"#)
            line.decimal(180 + noise &>> 16 & 0xFFF)
        case .shipped:
            line.text(#"shipped","carrier":"c-"#)
            line.decimal(1 + noise % 4)
            line.text(#"","tracking":"TRK"#)
            line.decimal(noise &>> 24 & 0xFFFF_FFFF, atLeast: 10)
            line.text(#"","address":{"#)
            address(facts)
        case .deliveryMissed:
            line.text(#"missed","carrier":"c-"#)
            line.decimal(1 + noise % 4)
            line.text(
                noise & 16 == 0 ? #"","reason":"no answer""# : #"","reason":"said \"come back later\"""#)
        case .delivered:
            line.text(#"delivered","address":{"city":""#)
            line.text(facts.city.name)
            line.text(#""}"#)
            place(noise)
        case .cancelled:
            line.text(#"cancelled","#)
            amount(facts)
            line.text(noise & 1 == 0 ? #","reason":"changed_mind""# : #","reason":"found\tcheaper""#)
        case .bad: break
        }
    }

    private mutating func createdPayload(_ facts: OrderFacts) {
        line.text(#"created","#)
        amount(facts)
        line.text(#","items":["#)
        for place in 0..<facts.itemCount {
            let item = facts.item(place)
            line.text(place == 0 ? #"{"sku":"sku-"# : #",{"sku":"sku-"#)
            line.decimal(item.sku)
            line.text(#"","quantity":"#)
            line.decimal(item.quantity)
            line.text(#","price":"#)
            money(item.cents)
            line.byte(UInt8(ascii: "}"))
        }
        line.text(facts.isGuest ? #"],"customer":{"guest":true,"address":{"# : #"],"customer":{"address":{"#)
        address(facts)
        line.byte(UInt8(ascii: "}"))
        switch facts.noise &>> 58 {
        case 0: line.text(#","note":"Leave it with \"no. 7\", please.\nThank you!""#)
        case 1: line.text(#","note":"C:\\gifts\\list.txt \u00e9t\u00e9 \ud83c\udf81""#)
        case 2: line.text(#","note":null"#)
        case 3: line.text(#","note":"bitte klingeln – 2. Stock 🎁""#)
        default: break
        }
    }

    /// The members of an object that is open already, and its end.
    @inline(__always)
    private mutating func address(_ facts: OrderFacts) {
        line.text(#""city":""#)
        line.text(facts.city.name)
        line.text(#"","country":""#)
        line.text(facts.city.country)
        line.text(#""}"#)
    }

    @inline(__always)
    private mutating func amount(_ facts: OrderFacts) {
        line.text(#""amount":"#)
        money(facts.totalCents)
        line.text(#","currency":""#)
        line.text(facts.city.currency)
        line.byte(UInt8(ascii: "\""))
    }

    @inline(__always)
    private mutating func money(_ cents: UInt64) {
        line.decimal(cents / 100)
        line.byte(UInt8(ascii: "."))
        line.decimal(cents % 100, atLeast: 2)
    }

    @inline(__always)
    private mutating func method(_ noise: UInt64) {
        switch noise &>> 4 & 7 {
        case 0...4: line.text(#","method":"card""#)
        case 5, 6: line.text(#","method":"wallet""#)
        default: line.text(#","method":"bank_transfer""#)
        }
    }

    @inline(__always)
    private mutating func place(_ noise: UInt64) {
        switch noise &>> 10 & 7 {
        case 0...3: line.text(#","place":"front door""#)
        case 4...5: line.text(#","place":"neighbour""#)
        case 6: line.text(#","place":"locker \"B\"\/12""#)
        default: line.text(#","place":null"#)
        }
    }

    private mutating func composeBad(_ arrival: Arrival, _ orderSeed: UInt64, _ facts: OrderFacts) {
        switch arrival.sequence % 5 {
        case 0:
            head(arrival, orderSeed, facts, time: .itself)
            line.text(#"noted","note":broken json}}"#)
        case 1:
            head(arrival, orderSeed, facts, time: .missing)
            line.text(#"noted","note":"no time"}}"#)
        case 2:
            head(arrival, orderSeed, facts, time: .yesterday)
            line.text(#"noted","note":"no such time"}}"#)
        case 3:
            head(arrival, orderSeed, facts, time: .itself)
            line.text(#"noted","city":"K"#)
            line.byte(0xF6)  // ö in ISO 8859-1; in UTF-8 it begins nothing that "ln" could go on
            line.text(#"ln"}}"#)
        default:
            head(arrival, orderSeed, facts, time: .itself)
            line.text(#"noted","note":"cut short"}}"#)
            line.cut(to: 115 + Int(facts.noise % 40))
        }
        line.byte(UInt8(ascii: "\n"))
    }
}
